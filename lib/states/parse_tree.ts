import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
} from "yaml";
import { yamlMessage } from "../base/yaml.ts";
import type { Place } from "./place.ts";
import { StateError } from "./problems.ts";
import type { Tree, TreeEntry } from "./tree.ts";

/** Largest file of a state, in characters. */
export const MAX_FILE_CHARACTERS = 1_048_576;

/** Largest number of aliases in a file. */
export const MAX_ALIASES = 100;

/** Largest number of parts of a file once its aliases have been followed. */
const MAX_NODES = 200_000;

/** Deepest nesting of a file. */
const MAX_DEPTH = 64;

/**
 * Parses a file of YAML. Undefined for a file without content.
 *
 * @throws {StateError} at the first part that cannot be read
 */
export function parseTree(text: string, file: string): Tree | undefined {
  const start = { file, line: 1, column: 1 };
  if (text.length > MAX_FILE_CHARACTERS) {
    throw new StateError(
      start,
      `Cannot read this file: its ${text.length} characters are over the limit of ${MAX_FILE_CHARACTERS}`,
    );
  }
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Merge keys are followed here, where each part keeps its place.
    merge: false,
    uniqueKeys: true,
    schema: "core",
  });
  const [error] = document.errors;
  if (error !== undefined) {
    throw new StateError(
      placeAt(error.pos[0]),
      `Cannot read YAML: ${wordsOf(yamlMessage(error))}${
        hintAt(text, error.pos[0])
      }`,
    );
  }
  if (document.contents === null) return undefined;
  return new TreeReader(text, placeAt, (alias) => alias.resolve(document))
    .read(document.contents, 0);
}

/** Hint for the mistake that is made most: an expression in a list or map between brackets. */
function hintAt(text: string, at: number): string {
  return text.slice(at - 1, at + 1) === "${"
    ? '; between { } or [ ], a text with "${" needs quotes round it'
    : "";
}

/** Message of the library without its period and with a small letter. */
function wordsOf(message: string): string {
  const words = message.replace(/\.$/, "").replace(/ at line .*$/s, "");
  return words.slice(0, 1).toLowerCase() + words.slice(1);
}

class TreeReader {
  readonly #text: string;
  readonly #placeAt: (offset: number) => Place;
  readonly #resolve: (alias: Alias) => Node | undefined;
  #aliases = 0;
  #nodes = 0;

  constructor(
    text: string,
    placeAt: (offset: number) => Place,
    resolve: (alias: Alias) => Node | undefined,
  ) {
    this.#text = text;
    this.#placeAt = placeAt;
    this.#resolve = resolve;
  }

  read(node: unknown, depth: number): Tree {
    const place = this.#placeOf(node);
    this.#nodes++;
    if (depth > MAX_DEPTH || this.#nodes > MAX_NODES) {
      throw new StateError(
        place,
        depth > MAX_DEPTH
          ? `Cannot read this: it is nested deeper than ${MAX_DEPTH} levels, or holds itself by an alias`
          : `Cannot read this file: with its aliases it has more than ${MAX_NODES} parts`,
      );
    }
    if (isAlias(node)) return this.read(this.#follow(node), depth + 1);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.read(item, depth + 1));
      return { kind: "list", items, place };
    }
    if (isMap(node)) {
      return { kind: "map", entries: this.#entries(node.items, depth), place };
    }
    if (isScalar(node)) return this.#scalar(node, place);
    return { kind: "scalar", text: "", value: null, place };
  }

  #scalar(node: Scalar, place: Place): Tree {
    const { value, source } = node;
    const known = typeof value === "string" || typeof value === "boolean" ||
      typeof value === "number" || value === null;
    if (!known) {
      throw new StateError(
        place,
        `Cannot use this value: put it in quotes, which makes it text`,
      );
    }
    const text = typeof value === "string"
      ? value
      : source ?? (value === null ? "" : String(value));
    const start = this.#startOf(node, text);
    // JSON has no infinity, and no more digits than a double.
    const isExact = typeof value !== "number" ||
      (Number.isInteger(value) ? Number.isSafeInteger(value) : isFinite(value));
    return {
      kind: "scalar",
      text,
      value: isExact ? value : text,
      place,
      ...start === undefined ? {} : { start },
    };
  }

  /** Place of the first character of a text, if its lines stand in the file as they are. */
  #startOf({ type, range }: Scalar, text: string): Place | undefined {
    const [from = 0] = range ?? [];
    if (type === "BLOCK_LITERAL") {
      const line = this.#text.indexOf("\n", from) + 1;
      const indent = /^(?: *\n)* */.exec(this.#text.slice(line))?.[0] ?? "";
      const column = indent.length - indent.lastIndexOf("\n") - 1;
      const { file, line: first } = this.#placeAt(line);
      return { file, line: first, column: column + 1 };
    }
    const quoted = type === "QUOTE_DOUBLE" || type === "QUOTE_SINGLE" ? 1 : 0;
    const stands = this.#text.startsWith(text, from + quoted);
    return stands && !text.includes("\n")
      ? this.#placeAt(from + quoted)
      : undefined;
  }

  #entries(pairs: readonly Pair[], depth: number): TreeEntry[] {
    const own = new Map<string, TreeEntry>();
    const merged: TreeEntry[] = [];
    for (const { key, value } of pairs) {
      const keyPlace = this.#placeOf(key);
      if (!isScalar(key)) {
        throw new StateError(keyPlace, "Cannot use this key: it is no text");
      }
      const entry: TreeEntry = {
        key: typeof key.value === "string"
          ? key.value
          : key.source ?? String(key.value ?? ""),
        keyPlace,
        value: value === null
          ? { kind: "scalar", text: "", value: null, place: keyPlace }
          : this.read(value, depth + 1),
      };
      if (key.value === "<<" && key.type === "PLAIN") {
        merged.push(...mergedBy(entry));
      } else own.set(entry.key, entry);
    }
    for (const entry of merged) {
      if (!own.has(entry.key)) own.set(entry.key, entry);
    }
    return [...own.values()];
  }

  #follow(alias: Alias): Node {
    this.#aliases++;
    if (this.#aliases > MAX_ALIASES) {
      throw new StateError(
        this.#placeOf(alias),
        `Cannot follow this alias: the limit of a file is ${MAX_ALIASES}`,
      );
    }
    const found = this.#resolve(alias);
    if (found !== undefined) return found;
    throw new StateError(
      this.#placeOf(alias),
      `Cannot follow the alias "${alias.source}": no anchor has this name`,
    );
  }

  #placeOf(node: unknown): Place {
    const { range } = node as { range?: readonly number[] | null };
    return this.#placeAt(range?.[0] ?? 0);
  }
}

/** Entries that a merge key brings; of several maps, the first one counts. */
function mergedBy({ value, keyPlace }: TreeEntry): readonly TreeEntry[] {
  const maps = value.kind === "list" ? value.items : [value];
  return maps.flatMap((map) => {
    if (map.kind === "map") return map.entries;
    throw new StateError(
      keyPlace,
      'Cannot merge by "<<": its value is no map and no list of maps',
    );
  });
}
