import { PiriError } from "../../base/errors.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import {
  agentsText,
  TARGET_HELP,
  typedTargets,
  withPlaces,
} from "./target_flags.ts";

/** `agent set 'web-*' --group web`: changes what operators say about agents. */
export const agentSet = defineSubcommand({
  name: "set",
  summary: "change groups and facts of agents, or retire them",
  positionals: {
    name: {
      type: "many",
      summary:
        "names or target expressions; retired agents and those that have not joined are meant, too",
    },
  },
  flags: {
    group: { type: "repeated", value: "NAME", summary: "add to this group" },
    "no-group": {
      type: "repeated",
      value: "NAME",
      summary: "take out of this group",
    },
    fact: {
      type: "repeated",
      value: "NAME=VALUE",
      summary: "set a fact, which wins over that of the agent",
    },
    "no-fact": {
      type: "repeated",
      value: "NAME",
      summary: "remove a fact that was set",
    },
    retired: {
      type: "boolean",
      apart: ["not-retired"],
      summary: "the hosts are gone for good: target expressions leave them out",
    },
    "not-retired": { type: "boolean", summary: "the hosts are back" },
  },
  examples: [
    "web-1 --group web --no-group old",
    "'web-[01-20]' --fact role=frontend",
    "web-3 --retired",
  ],
  more: [TARGET_HELP],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    if (flags.retired && flags["not-retired"]) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        'Cannot use "--retired" and "--not-retired" together',
      );
    }
    const setFacts = factsOf(flags.fact);
    using control = await services.connect(dir);
    const targets = typedTargets(positionals.name);
    const answer = control.agents.setAgents({
      targets: targets.expressions,
      addGroups: [...flags.group],
      removeGroups: [...flags["no-group"]],
      setFacts,
      removeFacts: [...flags["no-fact"]],
      requestedBy: userOf(terminal),
      ...flags.retired || flags["not-retired"]
        ? { retired: flags.retired }
        : {},
    });
    const { names, changed } = await withPlaces(answer, targets);
    await output.either(
      { names, changed },
      changed.length === 0
        ? `nothing to change: ${agentsText(names.length)} so already`
        : `changed ${changed.length} of ${agentsText(names.length)}: ${
          foldNames(changed)
        }`,
    );
    return ExitCode.ok;
  },
});

function factsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => {
    const at = word.indexOf("=");
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)] as const;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot use "--fact ${word}": it is not NAME=VALUE, as role=db`,
    );
  }));
}
