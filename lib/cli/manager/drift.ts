import type {
  DriftGroup,
  DriftRule,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { oneLine } from "../text.ts";
import { localTime } from "../time.ts";
import { driftJson } from "./drift_json.ts";
import { stepLines } from "./plan/plan_text.ts";
import type { ManagerServices } from "./services.ts";
import { agentsText } from "./target_flags.ts";

/** `drift`: tells which hosts differ from their states. */
export const drift = defineSubcommand({
  name: "drift",
  summary: "tell which hosts differ from their states, and since when",
  positionals: {},
  flags: {
    diff: {
      type: "boolean",
      summary: "show the lines of texts that change, too",
    },
    "exit-code": {
      type: "boolean",
      summary: "exit with 10 if a host differs",
    },
  },
  more: [{
    title: "Rules",
    lines: [
      ["drift: in config.yaml", "says which states are planned, and when"],
      ["plan list --drift", "lists the plans that rules made, too"],
    ],
  }],
  examples: ["", "--diff", "--exit-code", "--json"],
  async execute({ flags, dir, output, json }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { rules } = await control.plans.listDrift({});
    if (json) {
      for (const rule of rules) await output.value(driftJson(rule));
    }
    for (const [index, rule] of json ? [] : rules.entries()) {
      if (index > 0) await output.line("");
      await output.paragraphs(ruleLines(rule, flags));
    }
    if (rules.length === 0) {
      await output.note("no rules: drift: in config.yaml has them");
    }
    const differs = rules.some(({ groups }) => groups.length > 0);
    return flags["exit-code"] && differs ? ExitCode.wouldChange : ExitCode.ok;
  },
});

function* ruleLines(
  rule: DriftRule,
  options: { readonly diff: boolean },
): Generator<string> {
  const { stateName, agents, action, nextAtMs, groups, problem } = rule;
  const state = stateName === "" ? "whole states" : `state ${stateName}`;
  const differing = groups.flatMap((group) => group.agents);
  const fact = differing.length === 0
    ? "no drift found"
    : `drift on ${agentsText(differing.length)}`;
  const does = action === "apply" ? ", applies" : "";
  yield oneLine(
    `${state} on ${agents || "agents that you see"}: ${fact}${does}, next ${
      localTime(Number(nextAtMs))
    }`,
  );
  if (problem !== "") yield `  ${oneLine(`the last plan failed: ${problem}`)}`;
  for (const group of groups) yield* groupLines(group, options);
}

function* groupLines(
  { agents, steps }: DriftGroup,
  options: { readonly diff: boolean },
): Generator<string> {
  const since = agents.map(({ sinceMs }) => Number(sinceMs)).toSorted((a, b) =>
    a - b
  );
  const [first = 0] = since;
  const last = since.at(-1) ?? first;
  const times = first === last
    ? localTime(first)
    : `${localTime(first)} to ${localTime(last)}`;
  const plans = new Set(agents.map(({ planId }) => `p-${planId}`));
  const head = `${
    foldNames(agents.map(({ agent }) => agent))
  }, since ${times}, ${[...plans].join(", ")}`;
  yield `  ${oneLine(head)}`;
  for (const line of stepLines(steps, options)) yield `  ${line}`;
}
