import { join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { readFile } from "../../base/files.ts";
import { isObject } from "../../base/json_object.ts";
import { parseYaml, type Yaml } from "../../base/yaml.ts";
import { folderSafe, locate } from "./locate.ts";

/** A map of settings, as YAML has it. */
export type DataMap = Readonly<Record<string, unknown>>;

/** The agent whose data is asked for. */
export interface DataOwner {
  readonly id: string;
  /** Groups of the agent. Where two groups set the same key, the later one wins. */
  readonly groups: readonly string[];
}

/** Value in the data of an agent that is no map, and its place. */
export interface DataPart {
  /** Dotted key. */
  readonly key: string;
  readonly value: unknown;
  /** Path of the file below the Manager's folder, as data/all.yaml. */
  readonly file: string;
  /** Line, counted from 1. */
  readonly line: number;
}

interface CachedFile {
  readonly stamp: string;
  readonly data: DataMap;
}

/** Settings of agents: agents/NAME.yaml over groups/GROUP.yaml over all.yaml, in one folder. */
export class Layers {
  readonly #dir: string;
  /** Parsed files by path. A file that has changed is read again. */
  readonly #cache = new Map<string, CachedFile>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * Returns all data of an agent, merged.
   *
   * @throws {PiriError} CORRUPT with the name of a file that cannot be parsed
   */
  async of(owner: DataOwner): Promise<DataMap> {
    let merged: DataMap = {};
    for (const name of layersOf(owner)) {
      merged = merge(merged, await this.#read(name));
    }
    return merged;
  }

  /**
   * Returns the parts of an agent's data, each with the file and line that it comes from, in the order of their keys.
   *
   * @throws {PiriError} CORRUPT with the name of a file that cannot be parsed
   */
  async explain(owner: DataOwner): Promise<readonly DataPart[]> {
    const parts = new Map<string, DataPart>();
    for (const name of layersOf(owner)) {
      const located = await locate(this.#dir, name);
      if (!("path" in located)) continue;
      const text = await readFile(located.path);
      parse(text, `data/${name}`);
      const yaml = parseYaml(text, `data/${name}`, "CORRUPT");
      addParts(parts, yaml, { file: `data/${name}`, path: [] });
    }
    return [...parts.values()].toSorted((one, other) =>
      one.key < other.key ? -1 : 1
    );
  }

  /** Names of the files for an agent alone. */
  async filesFor(agent: string): Promise<readonly string[]> {
    const name = `agents/${folderSafe(agent)}.yaml`;
    return "path" in await locate(this.#dir, name) ? [`data/${name}`] : [];
  }

  async #read(name: string): Promise<DataMap> {
    const located = await locate(this.#dir, name);
    const key = join(this.#dir, name);
    if (!("path" in located)) {
      this.#cache.delete(key);
      return {};
    }
    const { path, info: { mtime, size, ino } } = located;
    const stamp = `${path} ${mtime?.getTime()} ${size} ${ino}`;
    const cached = this.#cache.get(key);
    if (cached?.stamp === stamp) return cached.data;
    const data = parse(await readFile(path), `data/${name}`);
    this.#cache.set(key, { stamp, data });
    return data;
  }
}

/**
 * Returns the value of a dotted key, or undefined: "web.listen.0" is the first element of the list `listen` in `web`.
 * The empty key is everything.
 */
export function lookUp(data: unknown, key: string): unknown {
  if (key === "") return data;
  let value = data;
  for (const part of key.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    if (!Object.hasOwn(value, part)) return undefined;
    if (Array.isArray(value) && !/^[0-9]+$/.test(part)) return undefined;
    value = (value as DataMap)[part];
  }
  return value;
}

/** Names of the files of an agent, the weakest first. */
function layersOf({ id, groups }: DataOwner): readonly string[] {
  return [
    "all.yaml",
    ...groups.map((group) => `groups/${folderSafe(group)}.yaml`),
    `agents/${folderSafe(id)}.yaml`,
  ];
}

/** Adds the parts of one file; they replace those of earlier files as `merge` does. */
function addParts(
  parts: Map<string, DataPart>,
  yaml: Yaml,
  { file, path }: { readonly file: string; readonly path: readonly string[] },
): void {
  const key = path.join(".");
  const value = path.reduce<unknown>(
    (map, name) => isObject(map) ? map[name] : undefined,
    yaml.value,
  );
  // A value takes the place of a map, and a map with keys that of a value.
  parts.delete(key);
  if (isObject(value) && (path.length === 0 || Object.keys(value).length > 0)) {
    for (const name of Object.keys(value)) {
      addParts(parts, yaml, { file, path: [...path, name] });
    }
    return;
  }
  if (path.length === 0) return;
  const isMerged = isObject(value) &&
    [...parts.keys()].some((each) => each.startsWith(`${key}.`));
  if (isMerged) return;
  for (const each of [...parts.keys()]) {
    if (each.startsWith(`${key}.`)) parts.delete(each);
  }
  parts.set(key, { key, value, file, line: yaml.lineOf(path) ?? 1 });
}

/** Merges maps; other values of `over` replace those of `under`. Changes neither. */
function merge(under: DataMap, over: DataMap): DataMap {
  const merged = new Map(Object.entries(under));
  for (const [key, value] of Object.entries(over)) {
    const before = merged.get(key);
    merged.set(
      key,
      isObject(before) && isObject(value) ? merge(before, value) : value,
    );
  }
  // Unlike an assignment, this makes "__proto__" an ordinary key.
  return Object.fromEntries(merged);
}

function parse(text: string, name: string): DataMap {
  const value = parseYaml(text, name, "CORRUPT").value ?? {};
  if (isObject(value)) return value;
  throw new PiriError(
    "CORRUPT",
    `Cannot read "${name}": it should hold a map, as key: value`,
  );
}
