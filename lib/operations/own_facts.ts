import { join } from "@std/path";
import { messageOf, PiriError } from "../base/errors.ts";
import { MAX_FACT_BYTES, runFactProgram } from "./fact_program.ts";
import type { Facts } from "./host_facts.ts";
import type { Surroundings } from "./surroundings.ts";

/** Files of facts that are read, a count. */
const MAX_FILES = 100;

/** Longest name of a fact, in characters. */
const MAX_NAME = 100;

/** Names that others than the host tell: the Manager, or the agent itself. */
const FOREIGN =
  /^(?:name|group|state|operations|agent\.version|policy\..*|facts\..*)$/;

/** Facts of a host's own, and the files that could not be used. */
export interface OwnFacts {
  readonly facts: Facts;
  /** Sentences about files, as "role.json: it is not JSON". */
  readonly errors: readonly string[];
}

/**
 * Reads the facts in a folder: files of JSON or YAML, and what its executable files print, in the order of their names.
 * A later one wins.
 *
 * Never rejects: a file that cannot be used is told in `errors`.
 */
export async function ownFacts(
  folder: string,
  options: {
    readonly surroundings: Pick<Surroundings, "path" | "environment">;
    readonly timeoutMs?: number;
  },
): Promise<OwnFacts> {
  const names = await namesIn(folder);
  const read = await Promise.all(
    names.slice(0, MAX_FILES).map((name) =>
      factsOfFile(folder, name, options).catch((error) =>
        `${name}: ${factOf(error)}`
      )
    ),
  );
  const errors = read.filter((each) => typeof each === "string");
  if (names.length > MAX_FILES) {
    errors.push(`only the first ${MAX_FILES} files are read`);
  }
  const facts = read.filter((each) => typeof each === "object");
  return { facts: Object.assign({}, ...facts), errors };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      // Editors and package managers leave such files.
      if (!/^\.|~$|\.(?:bak|swp|tmp|dpkg-\w+|rpm\w+)$/.test(name)) {
        names.push(name);
      }
    }
  } catch {
    // Most hosts have no such folder.
  }
  return names.toSorted();
}

async function factsOfFile(
  folder: string,
  name: string,
  options: Parameters<typeof ownFacts>[1],
): Promise<Facts> {
  const path = join(folder, name);
  const { isFile, size, mode } = await Deno.stat(path);
  if (!isFile) throw refusal("it is no file");
  const isExecutable = mode !== null && (mode & 0o111) !== 0;
  if (isExecutable && (mode & 0o022) !== 0) {
    throw refusal("it is executable, and others may write it");
  }
  if (isExecutable) {
    return flat(await parse(await runFactProgram(path, options), name));
  }
  if (!/\.(?:json|ya?ml)$/.test(name)) {
    throw refusal("it is neither .json nor .yaml, nor executable");
  }
  if (size > MAX_FACT_BYTES) {
    throw refusal(
      `it has ${size} bytes, and the limit is ${MAX_FACT_BYTES}`,
    );
  }
  return flat(await parse(await Deno.readTextFile(path), name));
}

/** Reads JSON, or YAML if it is that. The YAML library is loaded only for files that need it. */
async function parse(text: string, name: string): Promise<unknown> {
  try {
    return JSON.parse(text);
  } catch {
    if (name.endsWith(".json")) throw refusal("it is not JSON");
  }
  const { parseYaml } = await import("../base/yaml.ts");
  return parseYaml(text, name, "INVALID_ARGUMENT").value;
}

/** Facts of a value, with a dot between the names of nested ones. */
export function flat(value: unknown): Facts {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusal("it is no object of names and values");
  }
  const facts: [string, string][] = [];
  collect("", value, facts);
  return Object.fromEntries(facts);
}

function collect(name: string, value: unknown, to: [string, string][]): void {
  if (value === null || value === undefined) return;
  if (typeof value !== "object" || isList(value)) {
    if (FOREIGN.test(name)) throw refusal(`"${name}" is no fact of a host`);
    if (name.length > MAX_NAME || !/^[\w][\w. /:-]*$/.test(name)) {
      throw refusal(`"${name.slice(0, MAX_NAME)}" is no name of a fact`);
    }
    to.push([name, isList(value) ? value.join(",") : String(value)]);
    return;
  }
  for (const [key, part] of Object.entries(value)) {
    collect(name === "" ? key : `${name}.${key}`, part, to);
  }
}

/** True for a list of plain values, which become one text. */
function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) &&
    value.every((each) => typeof each !== "object" || each === null);
}

function refusal(fact: string): PiriError {
  return new PiriError("INVALID_ARGUMENT", `Cannot use the file: ${fact}`);
}

/** The part of an error that says what is so. */
function factOf(error: unknown): string {
  return messageOf(error).replace(/^Cannot [^:]*: /, "");
}
