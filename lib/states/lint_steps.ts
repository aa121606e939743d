import type { SheetStep, SheetValue } from "../steps/sheet.ts";
import { referencesIn } from "../steps/secrets/secret_values.ts";
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

/** Operations that set a part of a file. */
const PARTS = ["file.Line", "file.Block"];

/** Warnings about steps that are right in form, and probably not as they were meant. */
export function lintSteps(
  steps: readonly SheetStep[],
  drafts: readonly Draft[],
): readonly Problem[] {
  const warnings: Problem[] = [];
  const files = wholeFiles(steps, drafts);
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
    if (isOpenSecret(step)) {
      warn(
        `"${step.name}" puts a secret into a file that everybody on the host may read unless it has another mode already: give it a mode, as mode: 0600`,
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
    const whole = path === undefined ? undefined : files.get(path);
    if (whole === undefined || whole === draft) continue;
    warn(
      PARTS.includes(step.operation)
        ? `"${step.name}" changes the file ${path}, which "${whole.name}" sets as a whole: each run changes it twice`
        : `"${step.name}" and "${whole.name}" both set the file ${path}: each run changes it twice`,
    );
  }
  return warnings;
}

/** True for a file with a secret in it, and no mode. */
function isOpenSecret({ operation, params }: SheetStep): boolean {
  return FILES.includes(operation) && params.mode === undefined &&
    referencesIn(params.content).length > 0;
}

/** The first step that sets each file as a whole, by the file's path. */
function wholeFiles(
  steps: readonly SheetStep[],
  drafts: readonly Draft[],
): ReadonlyMap<string, Draft> {
  const files = new Map<string, Draft>();
  for (const [index, step] of steps.entries()) {
    const path = PARTS.includes(step.operation) ? undefined : pathOf(step);
    const draft = drafts[index];
    if (path === undefined || draft === undefined || files.has(path)) continue;
    files.set(path, draft);
  }
  return files;
}

function isUnguarded({ operation, params, ...step }: SheetStep): boolean {
  return PROGRAMS.includes(operation) && step.if === undefined &&
    step.onchanges === undefined &&
    !GUARDS.some((guard) => Object.hasOwn(params, guard)) &&
    params.changes !== false;
}

function pathOf({ operation, params, ...step }: SheetStep): string | undefined {
  const path: SheetValue | undefined = params.path;
  const isSet = FILES.includes(operation) && params.overwrite !== false ||
    PARTS.includes(operation);
  return isSet && step.if === undefined && typeof path === "string"
    ? path
    : undefined;
}
