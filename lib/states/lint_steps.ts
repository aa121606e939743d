import type { SheetStep, SheetValue } from "../steps/sheet.ts";
import type { Draft } from "./draft.ts";
import { formatPlace } from "./place.ts";
import type { Problem } from "./problems.ts";

/** Operations that run a program each time. */
const PROGRAMS = ["command.Run", "command.RunMultiple"];

/** Parameters that say when a program has nothing to do. */
const GUARDS = ["creates", "removes", "unless", "onlyif"];

/** Operations that set a whole file. */
const FILES = [
  "file.Installed",
  "file.Symlinked",
  "file.Absent",
  "file.Fetch",
  "file.Downloaded",
];

/** Warnings about steps that are right in form, and probably not as they were meant. */
export function lintSteps(
  steps: readonly SheetStep[],
  drafts: readonly Draft[],
): readonly Problem[] {
  const warnings: Problem[] = [];
  const files = new Map<string, Draft>();
  const counted = new Set<string>();
  for (const [index, step] of steps.entries()) {
    const draft = drafts[index];
    if (draft === undefined) continue;
    const warn = (message: string) =>
      warnings.push({ place: draft.place, message, chain: draft.chain });
    if (isUnguarded(step)) {
      warn(
        `"${step.name}" runs its program each time: creates, unless, onlyif or a condition would say when it has nothing to do`,
      );
    }
    const line = formatPlace(draft.place);
    if (draft.isCounted && !counted.has(line)) {
      counted.add(line);
      warn(
        `"${step.name}" is named by its number in a list, so a new item in front gives others its name: give the items a name`,
      );
    }
    const path = pathOf(step);
    const first = path === undefined ? undefined : files.get(path);
    if (path !== undefined && first === undefined) files.set(path, draft);
    if (first !== undefined) {
      warn(
        `"${step.name}" and "${first.name}" both set the file ${path}: each run changes it twice`,
      );
    }
  }
  return warnings;
}

function isUnguarded({ operation, params, ...step }: SheetStep): boolean {
  return PROGRAMS.includes(operation) && step.if === undefined &&
    step.onchanges === undefined &&
    !GUARDS.some((guard) => Object.hasOwn(params, guard)) &&
    params.changes !== false;
}

function pathOf({ operation, params, ...step }: SheetStep): string | undefined {
  const path: SheetValue | undefined = params.path;
  return FILES.includes(operation) && step.if === undefined &&
      typeof path === "string"
    ? path
    : undefined;
}
