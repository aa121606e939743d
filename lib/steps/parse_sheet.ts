import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import { isTooDeep } from "../base/json_depth.ts";
import type { Sheet, SheetCondition } from "./sheet.ts";
import { SHEET_MODULES } from "./sheet_modules.ts";

/** Most bytes of a sheet. */
export const MAX_SHEET_BYTES = 8 * 1_048_576;
/** Most steps of a sheet. */
export const MAX_STEPS = 10_000;

const place = v.pipe(v.number(), v.integer(), v.minValue(0));
const places = v.array(place);
const milliseconds = v.pipe(v.number(), v.integer(), v.minValue(0));

const condition: v.GenericSchema<SheetCondition> = v.lazy(() =>
  v.variant("kind", [
    v.strictObject({
      kind: v.picklist(["all", "any"]),
      of: v.array(condition),
    }),
    v.strictObject({ kind: v.literal("not"), of: condition }),
    v.strictObject({ kind: v.literal("changed"), steps: places }),
    v.strictObject({
      kind: v.literal("path"),
      is: v.picklist(["exists", "isfile", "isdir", "islink"]),
      path: v.string(),
    }),
    v.strictObject({
      kind: v.literal("cmd"),
      line: v.string(),
      codes: v.array(v.pipe(v.number(), v.integer())),
    }),
  ]) as unknown as v.GenericSchema<SheetCondition>
);

const step = v.strictObject({
  name: v.pipe(v.string(), v.nonEmpty()),
  operation: v.string(),
  params: v.record(v.string(), v.unknown()),
  if: v.optional(condition),
  require: v.optional(places),
  onchanges: v.optional(places),
  continue: v.optional(v.literal(true)),
  retry: v.optional(v.strictObject({
    times: v.pipe(v.number(), v.integer(), v.minValue(0)),
    everyMs: milliseconds,
  })),
  timeoutMs: v.optional(milliseconds),
  tags: v.optional(v.array(v.string())),
  hidden: v.optional(v.literal(true)),
});

const sheet = v.strictObject({
  format: v.literal(1),
  state: v.string(),
  steps: v.pipe(v.array(step), v.maxLength(MAX_STEPS)),
  modules: v.optional(SHEET_MODULES),
});

/**
 * Reads a sheet from JSON.
 *
 * @throws {PiriError} INVALID_ARGUMENT, saying where and why
 */
export function parseSheet(json: string): Sheet {
  if (isTooDeep(json)) throw refused("it is nested too deep");
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw refused("it is no JSON", error);
  }
  return checkSheet(value);
}

/** Checks a sheet; otherwise as `parseSheet`. */
export function checkSheet(value: unknown): Sheet {
  const { success, issues, output } = v.safeParse(sheet, value);
  if (!success) {
    const [issue] = issues;
    throw refused(`${v.getDotPath(issue) ?? "it"}: ${issue.message}`);
  }
  const read = output as unknown as Sheet;
  const names = new Set<string>();
  read.steps.forEach(({ name, ...keys }, index) => {
    if (names.has(name)) throw refused(`two steps are called "${name}"`);
    names.add(name);
    const { require = [], onchanges = [], if: condition } = keys;
    const all = [...require, ...onchanges, ...changedIn(condition)];
    if (all.some((each) => each >= index)) {
      throw refused(`step "${name}" refers to a step that is not before it`);
    }
  });
  return read;
}

/** Steps whose change a condition asks for. */
export function changedIn(condition: SheetCondition | undefined): number[] {
  switch (condition?.kind) {
    case "all":
    case "any":
      return condition.of.flatMap(changedIn);
    case "not":
      return changedIn(condition.of);
    case "changed":
      return [...condition.steps];
    default:
      return [];
  }
}

function refused(what: string, cause?: unknown): PiriError {
  return new PiriError("INVALID_ARGUMENT", `Cannot read the sheet: ${what}`, {
    cause,
  });
}
