import {
  changeText,
  findingText,
  type RunRecord,
  type StepRecord,
} from "../../steps/engine/records.ts";
import { oneLine, printable } from "../text.ts";
import { placedName } from "./command_places.ts";
import { durationText } from "../time.ts";

/** Signs in front of steps, of plans and of what was applied: those without one have nothing to do. */
export const SIGNS: Readonly<Record<string, string>> = {
  change: "~",
  unknown: "?",
  failed: "!",
  skipped: "-",
};

/** Shortest time of a step that is told, in milliseconds. */
const LONG_MS = 1_000;

/**
 * Lines for people that show a record of a run of a state; undefined for a kind that only newer agents know. Steps with
 * nothing to do have none.
 *
 * @param places Places of steps in the files of states, by their names.
 */
export function recordLines(
  record: RunRecord,
  places: ReadonlyMap<string, string> = new Map(),
): string[] | undefined {
  switch (record.kind) {
    case "run": {
      const state = record.state === "" ? "whole states" : record.state;
      const steps = record.steps === 1 ? "1 step" : `${record.steps} steps`;
      return [oneLine(`${record.mode} of ${state}: ${steps}`)];
    }
    case "begin":
      return [];
    case "step":
      return stepLines(record, places);
    case "output":
      return outputLines(record);
    case "note":
      return [oneLine(`  ${record.text}`)];
    case "moved":
      return [
        oneLine(
          `! ${placedName(record.name, places.get(record.name))}: planned as ${
            findingText(record.planned)
          }, now ${findingText(record.found)}`,
        ),
      ];
    case "end":
      return [oneLine(record.message)];
    default:
      return undefined;
  }
}

function stepLines(
  record: StepRecord,
  places: ReadonlyMap<string, string>,
): string[] {
  const { verdict, name, reason, error, owed, ms = 0, moreChanges } = record;
  if (verdict === "ok" && reason === undefined) return [];
  const parts = [
    ...record.changes.map(changeText),
    ...moreChanges === undefined ? [] : [`${moreChanges} more changes`],
    ...verdict === "change" && record.changed === false
      ? ["nothing has changed"]
      : [],
    ...reason === undefined ? [] : [reason],
    ...error === undefined ? [] : [error.message],
    ...owed === undefined ? [] : [`owed, as ${owed.causes.join(", ")} changed`],
    ...ms < LONG_MS ? [] : [`took ${durationText(ms)}`],
  ];
  const text = parts.length === 0 ? "" : `: ${parts.join(", ")}`;
  return [
    oneLine(
      `${SIGNS[verdict] ?? " "} ${placedName(name, places.get(name))}${text}`,
    ),
    ...record.changes.flatMap(({ text }) =>
      text === undefined ? [] : linesOf(text)
    ),
  ];
}

/** Name of the step of a record that failed, or is not as it was planned; undefined for others. */
export function troubledStep(record: RunRecord): string | undefined {
  const isTroubled = record.kind === "moved" ||
    (record.kind === "step" && record.verdict === "failed");
  return isTroubled ? record.name : undefined;
}

function outputLines(
  { stream, text, cut }: Extract<RunRecord, { kind: "output" }>,
): string[] {
  const mark = stream === "stderr" ? "! " : "";
  return [
    ...linesOf(text, mark),
    ...cut === undefined ? [] : ["      [the rest was not kept]"],
  ];
}

function linesOf(text: string, mark = ""): string[] {
  return text.replace(/\n$/, "").split("\n")
    .map((line) => `      ${mark}${printable(line)}`);
}
