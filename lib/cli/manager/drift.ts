import type {
  DriftAgent,
  DriftGroup,
  DriftRule,
  DriftUntold,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
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
      summary: "exit with 10 if a host differs, or if that cannot be told",
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
    return flags["exit-code"] && !rules.every(isClear)
      ? ExitCode.wouldChange
      : ExitCode.ok;
  },
});

/** True if no host differs as far as a rule tells, and it tells of all. */
function isClear(
  { groups, untold, problem, toldAtMs }: DriftRule,
): boolean {
  return groups.length + untold.length === 0 && problem === "" &&
    toldAtMs !== undefined;
}

/** Words that sum up what a rule has found. */
function factOf(rule: DriftRule): string {
  const { groups, untold, problem, toldAtMs } = rule;
  if (isClear(rule)) return "no drift found";
  const differing = groups.flatMap(({ agents }) => agents);
  const facts = [
    ...differing.length === 0
      ? []
      : [`drift on ${agentsText(differing.length)}`],
    ...untold.length === 0
      ? []
      : [`${agentsText(untold.length)} could not be told`],
  ];
  if (facts.length > 0) return facts.join(", ");
  return problem === "" && toldAtMs === undefined
    ? "not looked at yet"
    : "could not be told";
}

function* ruleLines(
  rule: DriftRule,
  options: { readonly diff: boolean },
): Generator<string> {
  const { stateName, agents, action, nextAtMs, groups, untold, problem } = rule;
  const state = stateName === "" ? "whole states" : `state ${stateName}`;
  const does = action === "apply" ? ", applies" : "";
  yield oneLine(
    `${state} on ${agents || "agents that you see"}: ${
      factOf(rule)
    }${does}, next ${localTime(Number(nextAtMs))}`,
  );
  if (problem !== "") yield `  ${oneLine(`the last plan failed: ${problem}`)}`;
  for (const group of groups) yield* groupLines(group, options);
  const reasons = Map.groupBy(untold, ({ reason }) => reason);
  for (const [reason, agents] of reasons) {
    yield `  ${oneLine(`${headOf(agents)}: could not be told: ${reason}`)}`;
  }
}

function* groupLines(
  { agents, steps }: DriftGroup,
  options: { readonly diff: boolean },
): Generator<string> {
  yield `  ${oneLine(headOf(agents))}`;
  for (const line of stepLines(steps, options)) yield `  ${line}`;
}

/** Agents, since when, and by which plans. */
function headOf(agents: readonly (DriftAgent | DriftUntold)[]): string {
  const since = agents.map(({ sinceMs }) => Number(sinceMs)).toSorted((a, b) =>
    a - b
  );
  const [first = 0] = since;
  const last = since.at(-1) ?? first;
  const times = first === last
    ? localTime(first)
    : `${localTime(first)} to ${localTime(last)}`;
  const plans = new Set(
    agents.flatMap(({ planId }) => planId === undefined ? [] : [`p-${planId}`]),
  );
  return [
    foldNames(agents.map(({ agent }) => agent)),
    `since ${times}`,
    ...plans,
  ].join(", ");
}
