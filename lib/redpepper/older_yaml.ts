import {
  type Document,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  Scalar,
  visit,
} from "yaml";
import { yamlMessage } from "../base/yaml.ts";
import type { Note } from "./note.ts";

/** File of RedPepper, parsed as PyYAML does: YAML 1.1, in which `yes` is true and 0644 is octal. */
export interface OlderYaml {
  readonly text: string;
  /** Value of the file, with the types of YAML 1.1; a date is a text. */
  readonly value: unknown;
  /** The same as it is written here; see `ownValue`. */
  readonly own: unknown;
  readonly document: Document;
  /** Line of an offset, counted from 1. */
  lineAt(offset: number): number;
  /** Line of an entry; undefined if it is not there. */
  lineOf(path: readonly string[]): number | undefined;
}

/** Change of a part of a text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Parses a file. A remark if it cannot be read: RedPepper then takes it as empty. */
export function parseOlderYaml(text: string, file: string): OlderYaml | Note {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    schema: "core",
  });
  const lineAt = (offset: number) => Math.max(lines.linePos(offset).line, 1);
  const [error] = document.errors;
  if (error !== undefined) {
    return {
      file,
      line: lineAt(error.pos[0]),
      message: `Cannot read YAML: ${yamlMessage(error)}`,
      isLost: true,
    };
  }
  return {
    text,
    value: plainOf(document, olderValue),
    own: plainOf(document, ownValue),
    document,
    lineAt,
    lineOf: (path) => {
      const node = document.getIn(path, true);
      const parent = document.getIn(path.slice(0, -1), true);
      const pair = isMap(parent)
        ? parent.items.find(({ key }) =>
          isScalar(key) && String(key.value) === path.at(-1)
        )
        : undefined;
      const at = isPair(pair) && isScalar(pair.key) ? pair.key : node;
      const offset = isNode(at) ? at.range?.[0] : undefined;
      return offset === undefined ? undefined : lineAt(offset);
    },
  };
}

function plainOf(
  document: Document,
  valueOf: (text: string) => unknown,
): unknown {
  const typed = document.clone() as Document;
  visit(typed, {
    Scalar(_, node) {
      if (node.type === "PLAIN") node.value = valueOf(sourceOf(node));
    },
  });
  try {
    return typed.toJS({ maxAliasCount: 1_000 }) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Text of a plain scalar as it stands in the file. */
export function sourceOf(scalar: Scalar): string {
  return scalar.source ?? String(scalar.value ?? "");
}

/** Value that PyYAML reads from a plain scalar. */
export function olderValue(text: string): string | number | boolean | null {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return null;
  if (/^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/.test(text)) return true;
  if (/^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/.test(text)) return false;
  return olderInteger(text) ?? olderFloat(text) ?? text;
}

/**
 * Value that stands here for what PyYAML reads. Octal digits stay a text, as they are mostly a mode; and so does a whole
 * number with a point, whose point would be lost.
 */
export function ownValue(text: string): string | number | boolean | null {
  const value = olderValue(text);
  if (typeof value !== "number" || !Number.isSafeInteger(value)) return value;
  if (/^0[0-7]+$/.test(text)) return text;
  return text.includes(".") ? `${value}.0` : value;
}

function olderInteger(text: string): number | undefined {
  const [, sign = "", digits = ""] = /^([-+]?)([0-9][0-9a-fA-F_xb:]*)$/.exec(
    text,
  ) ?? [];
  const plain = digits.replaceAll("_", "");
  const value = /^0b[01]+$/.test(plain)
    ? parseInt(plain.slice(2), 2)
    : /^0x[0-9a-fA-F]+$/.test(plain)
    ? parseInt(plain.slice(2), 16)
    : /^0[0-7]+$/.test(plain)
    ? parseInt(plain, 8)
    : /^(?:0|[1-9][0-9]*)$/.test(plain)
    ? Number(plain)
    : /^[1-9][0-9]*(?::[0-5]?[0-9])+$/.test(plain)
    ? sexagesimal(plain)
    : undefined;
  if (value === undefined) return undefined;
  return sign === "-" ? -value : value;
}

/** Minutes and seconds, as 1:30, are one number in YAML 1.1. */
function sexagesimal(text: string): number {
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

function olderFloat(text: string): number | undefined {
  const plain = text.replaceAll("_", "");
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) {
    return text.startsWith("-") ? -Infinity : Infinity;
  }
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return NaN;
  return /^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?$/.test(plain)
    ? Number(plain)
    : undefined;
}

/** Edits that let YAML 1.2 read the same values as YAML 1.1 does. Keys stay. */
export function newerScalars({ document }: OlderYaml): Edit[] {
  const edits: Edit[] = [];
  visit(document, {
    Scalar(key, node) {
      if (key === "key" || node.type !== "PLAIN" || node.range === undefined) {
        return;
      }
      const value = ownValue(sourceOf(node));
      if (Object.is(value, node.value) || node.range === null) return;
      const [start, end] = node.range;
      edits.push({ start, end, text: newerText(value) });
    },
  });
  return edits;
}

function newerText(value: string | number | boolean | null): string {
  if (typeof value !== "number" || Number.isFinite(value)) {
    return JSON.stringify(value);
  }
  return Number.isNaN(value) ? ".nan" : value < 0 ? "-.inf" : ".inf";
}

/** A text with changes that do not overlap. */
export function edited(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const edit of edits.toSorted((one, other) => other.start - one.start)) {
    result = result.slice(0, edit.start) + edit.text + result.slice(edit.end);
  }
  return result;
}

/** True for a parsed file. */
export function isParsed(parsed: OlderYaml | Note): parsed is OlderYaml {
  return "document" in parsed;
}
