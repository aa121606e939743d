import { EMPTY_SHA256, SHA256_PATTERN } from "../base/blob.ts";
import { PiriError } from "../base/errors.ts";
import { isFileName, shownName } from "./names.ts";

/** Longest text of a tree, in bytes: about 100,000 entries. */
export const MAX_TREE_BYTES = 16 * 1_048_576;

/** File of a tree. */
export interface TreeFile {
  readonly kind: "file";
  readonly name: string;
  /** Permissions; absent where the system has none. */
  readonly mode?: number;
  readonly mtimeMs: number;
  readonly size: number;
  /** SHA-256 of its content in hex digits. */
  readonly sha256: string;
}

/** Folder of a tree. It comes before all that is in it. */
export interface TreeFolder {
  readonly kind: "folder";
  readonly name: string;
  readonly mode?: number;
  readonly mtimeMs: number;
}

/** Symbolic link of a tree, which is kept as it is. */
export interface TreeLink {
  readonly kind: "link";
  readonly name: string;
  readonly mtimeMs: number;
  readonly target: string;
}

/**
 * Entry of a tree. Its name is the path below the root with "/" between the parts, or empty for the root itself, in the
 * spelling of `names.ts`.
 */
export type TreeEntry = TreeFile | TreeFolder | TreeLink;

const HEAD = '{"piri":"tree","version":1}';

/** Text of a tree: a line of JSON for each entry. */
export function* treeLines(entries: Iterable<TreeEntry>): Generator<string> {
  yield `${HEAD}\n`;
  // JSON spells lone surrogates as escapes, so the text is UTF-8.
  for (const entry of entries) yield `${JSON.stringify(entry)}\n`;
}

/** Parts of a name; none for the root. */
export function partsOf({ name }: Pick<TreeEntry, "name">): string[] {
  return name === "" ? [] : name.split("/");
}

/** Name of the folder that has an entry. */
export function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

/**
 * Reads the text of a tree, and refuses one that could reach out of its root: by names such as "..", or by entries below
 * a link.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseTree(text: string): TreeEntry[] {
  const [head, ...lines] = text.split("\n");
  if (head !== HEAD) throw refused("it is none of this version");
  if (lines.pop() !== "") throw refused("its end is missing");
  const kinds = new Map<string, TreeEntry["kind"]>();
  return lines.map((line) => {
    const entry = entryOf(line);
    requireSafe(entry, kinds);
    kinds.set(entry.name, entry.kind);
    return entry;
  });
}

/** Names of the entries in each folder, by the folder's name. */
export function childrenIn(
  entries: readonly TreeEntry[],
): Map<string, Set<string>> {
  const children = new Map<string, Set<string>>();
  for (const { name } of entries) {
    if (name === "") continue;
    const parent = parentOf(name);
    const own = name.slice(parent === "" ? 0 : parent.length + 1);
    const known = children.get(parent) ?? new Set();
    children.set(parent, known.add(own));
  }
  return children;
}

/** SHA-256 of all files in the text of a tree that have content. Nothing else of it is looked at. */
export function hashesInTree(text: string): string[] {
  return [...text.matchAll(/"sha256":"([0-9a-f]{64})"/g)]
    .map(([, hash = ""]) => hash)
    .filter((hash) => hash !== EMPTY_SHA256);
}

function requireSafe(
  { name }: TreeEntry,
  kinds: ReadonlyMap<string, TreeEntry["kind"]>,
): void {
  const shown = JSON.stringify(shownName(name));
  if (kinds.has(name)) throw refused(`${shown} is there twice`);
  if (name === "") {
    if (kinds.size > 0) throw refused("its root is not the first entry");
    return;
  }
  if (!name.split("/").every(isFileName)) {
    throw refused(`${shown} is no path below its root`);
  }
  const parent = parentOf(name);
  const kind = kinds.get(parent);
  const isBelow = kind === "folder" || (parent === "" && kind === undefined);
  if (isBelow) return;
  throw refused(
    kind === undefined
      ? `the folder of ${shown} is missing`
      : `${shown} would be below a ${kind}`,
  );
}

function entryOf(line: string): TreeEntry {
  const value = tryJson(line);
  const { kind, name, mode, mtimeMs, size, sha256, target } = value;
  const isNamed = typeof name === "string" && typeof mtimeMs === "number" &&
    Number.isFinite(mtimeMs);
  const hasMode = mode === undefined || isCount(mode) && mode <= 0o7777;
  if (isNamed && hasMode) {
    const facts = { name, mtimeMs, ...(mode === undefined ? {} : { mode }) };
    switch (kind) {
      case "folder":
        return { kind, ...facts };
      case "link":
        if (typeof target !== "string" || !isTarget(target)) break;
        return { kind, name, mtimeMs, target };
      case "file":
        if (!isCount(size) || typeof sha256 !== "string") break;
        if (!SHA256_PATTERN.test(sha256)) break;
        return { kind, ...facts, size, sha256 };
    }
  }
  const shown = line.length > 200 ? `${line.slice(0, 200)}…` : line;
  throw refused(`it has the entry ${shown}`);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isTarget(text: string): boolean {
  return text !== "" && !text.includes("\0");
}

function tryJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null
      ? value as Record<string, unknown>
      : {};
  } catch {
    return {};
  }
}

function refused(why: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read the list of files: ${why}`,
  );
}
