import { isAbsolute } from "@std/path";
import { SHA256_PATTERN } from "../base/blob.ts";
import { PiriError } from "../base/errors.ts";
import { didYouMean } from "../base/nearest.ts";
import {
  maySeal,
  type ParameterShape,
  type ParameterType,
} from "./parameters.ts";
import { isSealed, partsOf } from "./secrets/secret_values.ts";
import type { SheetValue } from "./sheet.ts";
import type { StepDescription } from "./step_operation.ts";

type Params = Readonly<Record<string, SheetValue>>;

/**
 * Checks the parameters of a step.
 *
 * @throws {PiriError} INVALID_ARGUMENT, naming the step, the parameter and the mistake
 */
export function checkStepParams(
  operation: StepDescription,
  params: Params,
  step: string,
): Params {
  const { name, parameters, oneOf = [] } = operation;
  const refuse = (what: string) =>
    new PiriError("INVALID_ARGUMENT", `Cannot run step "${step}": ${what}`);
  const names = Object.keys(parameters);
  for (const [key, value] of Object.entries(params)) {
    const shape = Object.hasOwn(parameters, key) ? parameters[key] : undefined;
    if (shape === undefined) {
      const hint = didYouMean(key, names, `it takes ${names.join(", ")}`);
      throw refuse(`${name} has no parameter "${key}", ${hint}`);
    }
    const flaw = flawOf(value, shape);
    if (flaw !== undefined) {
      throw refuse(`parameter "${key}" of ${name} is wrong: expected ${flaw}`);
    }
  }
  const missing = names.find((key) =>
    parameters[key]?.required === true && params[key] === undefined
  );
  if (missing !== undefined) {
    throw refuse(`parameter "${missing}" of ${name} is missing`);
  }
  for (const group of oneOf) {
    const given = group.filter((key) => params[key] !== undefined);
    if (given.length === 1) continue;
    throw refuse(
      `${name} takes exactly one of ${group.join(", ")}, and ${
        given.length === 0 ? "none is" : `${given.join(" and ")} are`
      } given`,
    );
  }
  return params;
}

const EXPECTED: Readonly<Record<ParameterType, string>> = {
  text: "a text without a NUL character",
  path: "an absolute path",
  mode: "a mode from 0 to 07777",
  switch: "true or false",
  integer: "a whole number",
  duration: "a time of 0 ms or more",
  content: "a text or a blob",
  file: "a text or a blob",
  folder: "a text or a blob",
  texts: "a list of texts",
  integers: "a list of whole numbers",
  map: "a map of texts",
  steps: "a list of places of earlier steps",
  any: "a value",
};

/** Expectation that a value does not meet, in words; undefined if it is right. */
function flawOf(value: SheetValue, shape: ParameterShape): string | undefined {
  const { type, choices, range } = shape;
  if (hasSecrets(value)) {
    if (!maySeal(shape)) return "no secret, which it must not hold";
    // It is checked again with the secrets in it.
    return FITS[type](withTexts(value)) ? undefined : EXPECTED[type];
  }
  if (!FITS[type](value)) return EXPECTED[type];
  if (range !== undefined && !isWithin(value, range)) return rangeText(range);
  if (choices === undefined || choices.includes(String(value))) {
    return undefined;
  }
  return `one of ${choices.join(", ")}`;
}

function isWithin(
  value: SheetValue,
  [least, most]: readonly [number, number],
): boolean {
  return isWhole(value) && value >= least && value <= most;
}

/** Words for a range of whole numbers. */
export function rangeText([least, most]: readonly [number, number]): string {
  return `a whole number from ${least} to ${most}`;
}

const FITS: Readonly<Record<ParameterType, (value: SheetValue) => boolean>> = {
  text: isText,
  path: (value) => isText(value) && isAbsolute(value),
  mode: (value) => isWhole(value) && value >= 0 && value <= 0o7777,
  switch: (value) => typeof value === "boolean",
  integer: isWhole,
  duration: (value) => isWhole(value) && value >= 0,
  content: (value) => typeof value === "string" || isBlob(value),
  file: (value) => typeof value === "string" || isBlob(value),
  folder: (value) => typeof value === "string" || isBlob(value),
  texts: (value) => isList(value) && value.every(isText),
  integers: (value) => isList(value) && value.every(isWhole),
  map: (value) => isMap(value) && Object.values(value).every(isText),
  steps: (value) =>
    isList(value) && value.every((each) => isWhole(each) && each >= 0),
  any: () => true,
};

function isText(value: SheetValue | undefined): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function isWhole(value: SheetValue | undefined): value is number {
  return Number.isSafeInteger(value);
}

function isList(value: SheetValue): value is readonly SheetValue[] {
  return Array.isArray(value);
}

function isMap(
  value: SheetValue | undefined,
): value is { readonly [key: string]: SheetValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for a text with secrets in it, and for what has one in it. */
function hasSecrets(value: SheetValue): boolean {
  return isSealed(value) ||
    (typeof value === "object" && value !== null &&
      Object.values(value).some(hasSecrets));
}

/** A value with some text in place of each text with secrets. One that is damaged stays, and fits nowhere. */
function withTexts(value: SheetValue): SheetValue {
  if (partsOf(value) !== undefined) return "";
  if (isList(value)) return value.map(withTexts);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, withTexts(each)]),
  );
}

function isBlob(value: SheetValue): boolean {
  if (!isMap(value) || Object.keys(value).join() !== "$blob") return false;
  const { $blob: blob } = value;
  return isMap(blob) && isWhole(blob["size"]) && blob["size"] >= 0 &&
    typeof blob["sha256"] === "string" && SHA256_PATTERN.test(blob["sha256"]);
}
