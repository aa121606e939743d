import { stringify } from "yaml";
import { isObject } from "../base/json_object.ts";
import type { Note } from "./note.ts";
import {
  edited,
  isParsed,
  newerScalars,
  type OlderYaml,
  parseOlderYaml,
} from "./older_yaml.ts";
import type { LookedUp } from "./own_expressions.ts";
import type { RedpepperAgent } from "./read_agents.ts";
import type { RedpepperFolder } from "./redpepper_folder.ts";

/** Map of values, as YAML has it. */
export type Values = Readonly<Record<string, unknown>>;

/** Data of RedPepper. */
export interface RedpepperData {
  /** Files for the Manager's folder: contents by paths. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly notes: readonly Note[];
  /** Value that RedPepper gives an agent by a dotted name; undefined if it has none. */
  lookUp(agent: RedpepperAgent, name: string): LookedUp | undefined;
}

/** Reads data/GROUP.yml, the files in data/GROUP/, and the data of agents. */
export function readData(
  { files }: Pick<RedpepperFolder, "files">,
  agents: readonly RedpepperAgent[],
): RedpepperData {
  const made = new Map<string, Uint8Array>();
  const notes: Note[] = [];
  const groups = new Map<string, Values>();
  const own = new Map<string, Values>();
  const places = new Map<string, OlderYaml>();
  for (const [path, bytes] of files) {
    const [, group, name] = /^data\/([^/]+?)(?:\.yml|\/(.+))$/.exec(path) ?? [];
    if (group === undefined) {
      if (path.startsWith("data/")) notes.push(stray(path));
      continue;
    }
    if (name !== undefined) {
      made.set(`files/groups/${group}/${name}`, bytes);
      continue;
    }
    const parsed = parseOlderYaml(new TextDecoder().decode(bytes), path);
    if (!isParsed(parsed)) {
      notes.push(parsed);
      continue;
    }
    if (parsed.value === undefined) continue;
    if (!isObject(parsed.value)) {
      notes.push({
        file: path,
        message:
          "Cannot take this file: it holds no map, so RedPepper finds nothing in it",
        isLost: true,
      });
      continue;
    }
    groups.set(group, parsed.value);
    own.set(group, isObject(parsed.own) ? parsed.own : {});
    places.set(group, parsed);
    made.set(`data/groups/${group}.yaml`, newerFile(path, parsed, notes));
  }
  for (const { id, ownData } of agents) {
    if (Object.keys(ownData).length === 0) continue;
    made.set(
      `data/agents/${id}.yaml`,
      new TextEncoder().encode(stringify(ownData)),
    );
  }
  notes.push(...mergeNotes(agents, groups, places));
  return {
    files: made,
    notes,
    lookUp: (agent, name) => {
      const here = [
        ...agent.groups.map((group) => own.get(group) ?? {}),
        agent.ownData,
      ];
      const there = [
        ...agent.groups.map((group) => groups.get(group) ?? {}),
        agent.data,
      ];
      for (const [index, values] of [...there.entries()].toReversed()) {
        const value = valueIn(values, name);
        if (value === undefined) continue;
        return { there: value, here: valueIn(here[index] ?? {}, name) };
      }
      return undefined;
    },
  };
}

function stray(path: string): Note {
  return {
    file: path,
    message:
      "It is not copied: RedPepper reads data/GROUP.yml, and gives out the files in data/GROUP/",
    isLost: false,
  };
}

/** File with the same values in YAML 1.2; as it is if it has them. */
function newerFile(
  path: string,
  parsed: OlderYaml,
  notes: Note[],
): Uint8Array {
  const edits = newerScalars(parsed);
  for (const { start, end, text } of edits) {
    notes.push({
      file: path,
      line: parsed.lineAt(start),
      message: `"${
        parsed.text.slice(start, end)
      }" is written as ${text}, which means the same here: RedPepper reads YAML 1.1`,
      isLost: false,
    });
  }
  return new TextEncoder().encode(edited(parsed.text, edits));
}

function valueIn(values: Values, name: string): unknown {
  let value: unknown = values;
  for (const key of name.split(".")) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

/** Remarks on keys that two layers of an agent set as maps: they are merged here. */
function mergeNotes(
  agents: readonly RedpepperAgent[],
  values: ReadonlyMap<string, Values>,
  places: ReadonlyMap<string, OlderYaml>,
): Note[] {
  const notes = new Map<string, Note>();
  for (const agent of agents) {
    const layers = [
      ...agent.groups.map((group) => ({
        file: `data/${group}.yml`,
        values: values.get(group) ?? {},
        lineOf: (path: readonly string[]) => places.get(group)?.lineOf(path),
      })),
      { file: "agents.yml", values: agent.data, lineOf: () => agent.line },
    ];
    for (const [index, over] of layers.entries()) {
      for (const under of layers.slice(0, index)) {
        for (const { path, isMerged } of clashes(under.values, over.values)) {
          const key = path.join(".");
          const line = over.lineOf(path);
          notes.set(`${over.file} ${key} ${under.file}`, {
            file: over.file,
            ...line === undefined ? {} : { line },
            message: isMerged
              ? `"${key}" is also a map in ${under.file}: here both are merged, and in RedPepper \${${key}} is this one alone`
              : `"${key}" is a map in ${under.file} and no map here, so its parts have no value here; in RedPepper they have`,
            isLost: false,
          });
        }
      }
    }
  }
  return [...notes.values()];
}

interface Clash {
  readonly path: readonly string[];
  readonly isMerged: boolean;
}

/** Keys under which a merge gives another value than the stronger map alone. */
function clashes(
  under: Values,
  over: Values,
  path: readonly string[] = [],
): Clash[] {
  return Object.entries(over).flatMap(([key, value]) => {
    if (!Object.hasOwn(under, key) || !isObject(under[key])) return [];
    const below = under[key];
    if (!isObject(value)) return [{ path: [...path, key], isMerged: false }];
    const isMerged = Object.keys(below).some((name) =>
      !Object.hasOwn(value, name)
    );
    const deeper = clashes(below, value, [...path, key]);
    return isMerged
      ? [{ path: [...path, key], isMerged: true }, ...deeper]
      : deeper;
  });
}
