import { foldNames } from "../../targets/fold_names.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { targetsJson } from "./json.ts";
import { tellLeftOut } from "./left_out.ts";
import type { ManagerServices } from "./services.ts";
import {
  agentsText,
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
  withTargetHint,
} from "./target_flags.ts";

/** `targets '@web & os.name=debian'`: shows the agents that expressions mean. */
export const targets = defineSubcommand({
  name: "targets",
  summary: "show which agents target expressions mean",
  positionals: {
    target: {
      type: "any",
      summary: "target expressions, such as 'web-[01-20]' or '@web & cpus>=8'",
    },
  },
  flags: {
    long: {
      type: "boolean",
      summary: "list each agent on a line, with its state and its groups",
    },
    ...TARGET_FLAGS,
  },
  examples: [
    "'web-*'",
    "'@web & os.name=debian ! web-3' --long",
    "all --exclude @db --limit 10%",
    "--targets-file hosts.txt",
  ],
  more: [TARGET_HELP],
  async execute(invocation, services: ManagerServices) {
    const { positionals, flags, dir, json, output } = invocation;
    const selection = await selectionOf(positionals.target, flags, invocation);
    using control = await services.connect(dir);
    const found = await withTargetHint(
      control.agents.resolveTargets({ selection }),
      selection,
    );
    if (json) {
      await output.value(targetsJson(found));
      return ExitCode.ok;
    }
    if (flags.long) {
      await output.list(found.targets, {
        json: ({ name }) => name,
        columns: {
          NAME: ({ name }) => name,
          STATE: ({ connected }) => connected ? "connected" : "away",
          GROUPS: ({ groups }) => groups.join(" "),
        },
      });
    } else await output.line(foldNames(found.targets.map(({ name }) => name)));
    const away = found.targets.filter(({ connected }) => !connected)
      .map(({ name }) => name);
    await output.note(
      `${agentsText(found.targets.length)}, ${
        away.length === 0
          ? "none of them away"
          : `${away.length} of them away: ${foldNames(away)}`
      }`,
    );
    await tellLeftOut(found, output);
    return ExitCode.ok;
  },
});
