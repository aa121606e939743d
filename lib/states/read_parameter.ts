import { PiriError } from "../base/errors.ts";
import { didYouMean } from "../base/nearest.ts";
import { parseDuration } from "../base/units.ts";
import { rangeText } from "../steps/check_parameters.ts";
import {
  maySeal,
  type ParameterShape,
  type ParameterType,
} from "../steps/parameters.ts";
import type { SheetValue } from "../steps/sheet.ts";
import type { Place } from "./place.ts";
import { StateError } from "./problems.ts";
import { kindOf, type Tree, type TreeScalar } from "./tree.ts";

/** Longest text of a parameter in a sheet, in bytes: a longer content is a blob. */
export const MAX_TEXT_BYTES = 32_768;

/** Reference to steps, as it was written. */
export interface Reference {
  readonly text: string;
  readonly place: Place;
}

const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["no", false],
  ["off", false],
]);

/** Reader of one parameter, by its shape. */
interface Reading {
  readonly name: string;
  readonly shape: ParameterShape;
  /** Keeps a long content as a blob, and gives what stands for it. */
  readonly blob: (content: string) => SheetValue;
}

/**
 * Value of a parameter, read from the text of its scalars by its own type.
 *
 * @throws {StateError}
 */
export function readParameter(tree: Tree, reading: Reading): SheetValue {
  const { shape } = reading;
  switch (shape.type) {
    case "texts":
      return listOf(tree).map((item) => textOf(item, reading));
    case "integers":
      return listOf(tree).map((item) => wholeOf(item, reading));
    case "map":
      return mapOf(tree, reading);
    case "any":
      return anyOf(tree, reading);
    case "content":
      return contentOf(tree, reading);
    case "switch":
      return readSwitch(tree, reading.name);
    case "integer":
      return wholeOf(tree, reading);
    case "mode":
      return modeOf(tree, reading);
    case "duration":
      return readDuration(tree, reading.name);
    case "path":
      return pathOf(tree, reading);
    default:
      return textOf(tree, reading);
  }
}

/** References in a value: one or a list of them. */
export function readReferences(tree: Tree, name: string): Reference[] {
  return listOf(tree).map((item) => {
    const { text, place } = scalarOf(item, name, "the name of a step");
    if (text === "") {
      throw new StateError(place, `Cannot read "${name}": a name is empty`);
    }
    return { text, place };
  });
}

/** Texts in a value: one or a list of them. */
export function readTexts(tree: Tree, name: string): string[] {
  return listOf(tree).map((item) => scalarOf(item, name, "text").text);
}

/** A switch: yes, no, on, off, true or false. */
export function readSwitch(tree: Tree, name: string): boolean {
  const wanted = "one of yes, no, on, off, true, false";
  const { text, place } = scalarOf(tree, name, wanted);
  const value = SWITCHES.get(text.toLowerCase());
  if (value !== undefined) return value;
  throw new StateError(
    place,
    `Cannot read "${name}": "${text}" is here, and ${wanted} should be`,
  );
}

/** A duration in milliseconds, as 10s or 1h30m. */
export function readDuration(tree: Tree, name: string): number {
  const { text, place } = scalarOf(tree, name, "a duration such as 10s or 5m");
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof PiriError)) throw error;
    throw new StateError(
      place,
      `Cannot read "${name}": "${text}" is here, and a duration such as 10s or 5m should be`,
    );
  }
}

/** A whole number that is not negative. */
export function readCount(tree: Tree, name: string): number {
  const { text, place } = scalarOf(tree, name, "a whole number");
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new StateError(
    place,
    `Cannot read "${name}": "${text}" is here, and a whole number should be`,
  );
}

function listOf(tree: Tree): readonly Tree[] {
  return tree.kind === "list" ? tree.items : [tree];
}

/** @throws {StateError} for a list, a map or a secret */
export function scalarOf(tree: Tree, name: string, wanted: string): TreeScalar {
  if (tree.kind !== "scalar") {
    throw new StateError(
      tree.place,
      `Cannot read "${name}": ${kindOf(tree)} is here, and ${wanted} should be`,
    );
  }
  if (tree.secret === undefined) return tree;
  const part = tree.secret.find((each) => typeof each === "object");
  throw new StateError(
    tree.place,
    `Cannot use the secret "${
      typeof part === "object" ? part.name : ""
    }" in "${name}": a secret can only stand where it does not show, as in content, stdin and env`,
  );
}

const WANTED: Partial<Record<ParameterType, string>> = {
  texts: "a text or a list of texts",
  integers: "a whole number or a list of them",
};

function textOf(tree: Tree, reading: Reading): SheetValue {
  const { name, shape } = reading;
  if (maySeal(reading.shape) && isSealed(tree)) return sealed(tree);
  const { text, place } = scalarOf(tree, name, WANTED[shape.type] ?? "text");
  if (text.includes("\0")) {
    throw new StateError(
      place,
      `Cannot use "${name}": it has a NUL character, which no text of a step may have`,
    );
  }
  const { choices } = shape;
  if (choices !== undefined && !choices.includes(text)) {
    throw new StateError(
      place,
      `Cannot read "${name}": "${text}" is here; ${
        didYouMean(text, choices, `it can be ${choices.join(", ")}`)
      }`,
    );
  }
  const size = sizeOf(text);
  if (size <= MAX_TEXT_BYTES) return text;
  throw new StateError(
    place,
    `Cannot use "${name}": its ${size} bytes are over the limit of ${MAX_TEXT_BYTES}`,
  );
}

function contentOf(tree: Tree, reading: Reading): SheetValue {
  if (isSealed(tree)) return sealed(tree);
  const { text } = scalarOf(tree, reading.name, "text");
  return sizeOf(text) > MAX_TEXT_BYTES ? reading.blob(text) : text;
}

function pathOf(tree: Tree, { name }: Reading): string {
  const { text, place } = scalarOf(tree, name, "an absolute path");
  if (/^(?:\/|[A-Za-z]:[\\/]|\\\\)/.test(text) && !text.includes("\0")) {
    return text;
  }
  throw new StateError(
    place,
    `Cannot read "${name}": "${text}" is here, and an absolute path should be, as /etc/motd`,
  );
}

function modeOf(tree: Tree, { name }: Reading): number {
  const { text, place } = scalarOf(tree, name, "a mode such as 0644");
  const [, digits = ""] = /^(?:0o)?([0-7]{1,5})$/.exec(text) ?? [];
  const mode = parseInt(digits, 8);
  if (mode <= 0o7777) return mode;
  throw new StateError(
    place,
    `Cannot read "${name}": "${text}" is here, and a mode in octal digits should be, as 0644`,
  );
}

function wholeOf(tree: Tree, { name, shape }: Reading): number {
  const { type, range } = shape;
  const wanted = range === undefined
    ? WANTED[type] ?? "a whole number"
    : rangeText(range);
  const { text, place } = scalarOf(tree, name, wanted);
  const value = Number(text);
  const [least, most] = range ?? [-Infinity, Infinity];
  if (
    /^-?[0-9]+$/.test(text) && Number.isSafeInteger(value) &&
    value >= least && value <= most
  ) return value;
  throw new StateError(
    place,
    `Cannot read "${name}": "${text}" is here, and ${wanted} should be`,
  );
}

function mapOf(tree: Tree, reading: Reading): SheetValue {
  if (tree.kind !== "map") {
    throw new StateError(
      tree.place,
      `Cannot read "${reading.name}": ${
        kindOf(tree)
      } is here, and a map of texts should be`,
    );
  }
  return Object.fromEntries(
    tree.entries.map(({ key, value }) => [key, textOf(value, reading)]),
  );
}

function anyOf(tree: Tree, reading: Reading): SheetValue {
  if (tree.kind === "list") {
    return tree.items.map((item) => anyOf(item, reading));
  }
  if (tree.kind === "map") {
    return Object.fromEntries(
      tree.entries.map(({ key, value }) => [key, anyOf(value, reading)]),
    );
  }
  if (maySeal(reading.shape) && isSealed(tree)) return sealed(tree);
  return scalarOf(tree, reading.name, "text").value;
}

function isSealed(
  tree: Tree,
): tree is TreeScalar & { secret: NonNullable<TreeScalar["secret"]> } {
  return tree.kind === "scalar" && tree.secret !== undefined;
}

function sealed(
  { secret }: { secret: NonNullable<TreeScalar["secret"]> },
): SheetValue {
  return {
    $secret: {
      parts: secret.map((part) =>
        typeof part === "string" ? part : { ...part }
      ),
    },
  };
}

/** Size of a text in bytes. */
export function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
