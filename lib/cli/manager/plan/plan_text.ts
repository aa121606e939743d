import {
  PlanEntryState,
  PlanState,
} from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Plan,
  PlanEntry,
  PlannedChange,
  PlannedStep,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { foldNames } from "../../../targets/fold_names.ts";
import { oneLine, printable } from "../../text.ts";
import { localTime } from "../../time.ts";
import { placeText } from "../../../steps/step_places.ts";
import {
  failedStepIn,
  placedName,
  placedReason,
  placeTexts,
} from "../command_places.ts";
import { SIGNS } from "../record_text.ts";
import { agentsText } from "../target_flags.ts";
import { planEntryStateName, planStateName } from "./plan_json.ts";

/** Names of agents in a line, before they are counted only. */
const MAX_NAMED = 200;

/** Lines that show a plan: agents with the same changes once. */
export function* planLines(
  plan: Plan,
  { diff }: {
    /** Shows the texts of changes, too. */
    readonly diff: boolean;
  },
): Generator<string> {
  yield headLine(plan);
  if (plan.secrets.length > 0) {
    yield oneLine(`secrets: ${plan.secrets.join(", ")}`);
  }
  for (const { by, note, atMs } of plan.approvals) {
    const more = note === "" ? "" : `: ${note}`;
    yield oneLine(`approved by ${by}, ${localTime(Number(atMs))}${more}`);
  }
  const failed = new Set(
    plan.entries.filter(({ state }) => state === PlanEntryState.FAILED)
      .map(({ agent }) => agent),
  );
  for (const { agents, steps } of plan.groups) {
    yield "";
    yield `${agentsText(agents.length)}: ${namesText(agents)}`;
    yield* stepLines(steps, { diff });
  }
  const same = plan.entries.filter(({ state }) =>
    state === PlanEntryState.SAME
  );
  if (same.length > 0) {
    yield "";
    yield `nothing to do on ${agentsText(same.length)}: ${
      namesText(same.map(({ agent }) => agent))
    }`;
  }
  if (failed.size > 0) yield "";
  yield* messages(
    plan.entries.filter(({ agent }) => failed.has(agent)),
    "could not be planned",
  );
}

/** Lines that show steps of a group of agents. */
export function* stepLines(
  steps: readonly PlannedStep[],
  { diff }: {
    /** Shows the texts of changes, too. */
    readonly diff: boolean;
  },
): Generator<string> {
  for (const step of steps) {
    yield `  ${stepText(step)}`;
    if (diff) yield* diffLines(step);
  }
}

/** Lines that tell how far a plan was applied; none if that was not begun. */
export function* appliedLines(plan: Plan): Generator<string> {
  for (const state of APPLY_STATES) {
    const entries = plan.entries.filter((each) => each.state === state);
    yield* messages(entries, WORDS[state]);
  }
  const notRun = plan.entries.filter(({ state, applyJob }) =>
    state === PlanEntryState.PLANNED && applyJob !== undefined
  );
  yield* messages(notRun, "not applied");
}

/** States of agents on which an apply was begun, in the order in which they are told. */
const APPLY_STATES = [
  PlanEntryState.APPLYING,
  PlanEntryState.APPLIED,
  PlanEntryState.REFUSED,
  PlanEntryState.APPLY_FAILED,
  PlanEntryState.LOST,
] as const;

const WORDS: Readonly<Record<typeof APPLY_STATES[number], string>> = {
  [PlanEntryState.APPLYING]: "being applied",
  [PlanEntryState.APPLIED]: "applied",
  [PlanEntryState.REFUSED]: "refused",
  [PlanEntryState.APPLY_FAILED]: "failed",
  [PlanEntryState.LOST]: "lost",
};

/** Sentence that sums a plan up. */
export function planSummary({ id, entries }: Plan): string {
  const count = (...states: PlanEntryState[]) =>
    entries.filter(({ state }) => states.includes(state)).length;
  // An agent on which an apply was begun counts by its end only.
  const planned = entries.filter(({ state }) =>
    state === PlanEntryState.PLANNED
  );
  const changing = planned.filter(({ counts }) => (counts?.change ?? 0) > 0);
  const unknown = planned.filter(({ counts }) => (counts?.unknown ?? 0) > 0);
  const parts: [number, string][] = [
    [changing.length, "would change"],
    [unknown.length, "cannot be told in full"],
    ...APPLY_STATES.map((state): [number, string] => [
      count(state),
      WORDS[state],
    ]),
    [count(PlanEntryState.SAME), "nothing to do"],
    [count(PlanEntryState.FAILED), "could not be planned"],
    [count(PlanEntryState.PLANNING), "still being looked at"],
  ];
  const texts = parts.filter(([number]) => number > 0)
    .map(([number, text]) => `${text}: ${agentsText(number)}`);
  return `p-${id}: ${texts.join(", ")}`;
}

/** True if a plan has found anything to do, or something that it cannot tell. */
export function wouldChange({ entries }: Plan): boolean {
  return entries.some(({ counts }) =>
    (counts?.change ?? 0) + (counts?.unknown ?? 0) > 0
  );
}

/** State of a plan for people. */
export function planStateText(plan: Plan): string {
  return plan.state === PlanState.SAME ? "nothing to do" : planStateName(plan);
}

function headLine(plan: Plan): string {
  const { id, stateName, expressions, requestedBy, createdAtMs, note } = plan;
  const state = stateName === "" ? "whole states" : `state ${stateName}`;
  const more = note === "" ? "" : `: ${note}`;
  const bounds = [
    ...plan.only.length === 0 ? [] : [`, only ${plan.only.join(", ")}`],
    ...plan.strict ? [", strict"] : [],
  ].join("");
  return oneLine(
    `plan p-${id}: ${state}${bounds} on ${
      expressions.join(" ")
    }, by ${requestedBy}, ${localTime(Number(createdAtMs))}, ${
      planStateText(plan)
    }${more}`,
  );
}

function stepText(step: PlannedStep): string {
  const { name, verdict, changes, reason, error, owedSinceMs } = step;
  const owed = owedSinceMs === undefined
    ? []
    : [`owed since ${localTime(Number(owedSinceMs))}`];
  const why = verdict === "failed"
    ? [error]
    : verdict === "unknown"
    ? [`cannot be told: ${reason}`]
    : reason === ""
    ? []
    : [reason];
  const all = [...changes.map(changeText), ...why, ...owed];
  const text = all.length === 0 ? "" : `: ${all.join(", ")}`;
  // Where something is to be mended, the place helps; elsewhere it would only be long.
  const place = verdict === "change" || step.file === ""
    ? undefined
    : placeText(step);
  return oneLine(
    `${SIGNS[verdict] ?? " "} ${placedName(name, place)}${text}`,
  );
}

function changeText({ what, from, to, added, removed }: PlannedChange): string {
  if (added !== undefined || removed !== undefined) {
    const more = from === "(absent)" ? " (new)" : "";
    return `${what} +${added ?? 0} -${removed ?? 0}${more}`;
  }
  if (from === undefined) return to === undefined ? what : `${what} ${to}`;
  return `${what} ${from} -> ${to ?? "(absent)"}`;
}

function* diffLines({ changes }: PlannedStep): Generator<string> {
  for (const { text } of changes) {
    if (text === undefined) continue;
    for (const line of text.replace(/\n$/, "").split("\n")) {
      yield `      ${printable(line)}`;
    }
  }
}

/** A line for all agents that have the same to tell. */
function* messages(
  entries: readonly PlanEntry[],
  what: string,
): Generator<string> {
  const groups = new Map<string, string[]>();
  for (const entry of entries) {
    const text = outcomeText(entry);
    groups.set(text, [...groups.get(text) ?? [], entry.agent]);
  }
  for (const [text, agents] of groups) {
    const more = text === "" ? "" : `: ${text}`;
    yield oneLine(`${namesText(agents)}: ${what}${more}`);
  }
}

function outcomeText(entry: PlanEntry): string {
  const { applyData } = entry;
  const message = placedReason(
    entry.message,
    failedStepIn(applyData),
    placeTexts(entry.places),
  );
  const result = resultOf(applyData);
  if (result === undefined) return message;
  const { changed = 0, failed = 0, notRun = 0, ok = 0, skipped = 0 } = result;
  const counts: [number, string][] = [
    [changed, "changed"],
    [ok, "unchanged"],
    [skipped, "skipped"],
    [failed, "failed"],
    [notRun, "not run"],
  ];
  const steps = counts.filter(([count]) => count > 0)
    .map(([count, text]) => `${count} ${text}`);
  const owed = (result.owed ?? []).map(({ listener = "", cause = "" }) =>
    `"${listener}" is owed, as "${cause}" changed`
  );
  const moved = (result.moved ?? []).map((name) => `"${name}"`).join(", ");
  const isFailed = planEntryStateName(entry) !== "applied";
  return [
    ...isFailed && message !== "" ? [message] : [],
    steps.join(", "),
    moved === "" ? "" : `not foreseen: ${moved}`,
    ...owed,
  ].filter((part) => part !== "").join("; ");
}

interface Result {
  readonly ok?: number;
  readonly changed?: number;
  readonly skipped?: number;
  readonly failed?: number;
  readonly notRun?: number;
  /** Names of steps that changed something that their plan did not foresee. */
  readonly moved?: readonly string[];
  readonly owed?: readonly {
    readonly listener?: string;
    readonly cause?: string;
  }[];
}

function resultOf(json: string): Result | undefined {
  if (json === "") return undefined;
  const value = JSON.parse(json) as unknown;
  return typeof value === "object" && value !== null && "notRun" in value
    ? value as Result
    : undefined;
}

function namesText(names: readonly string[]): string {
  const text = foldNames(names);
  return text.length <= MAX_NAMED ? text : `${text.slice(0, MAX_NAMED)}…`;
}
