import { dirname, join } from "@std/path";
import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "./base/errors.ts";
import { diskError, exists, writeFileAtomically } from "./base/files.ts";
import type { ImportedAgent, RedpepperImport } from "./cli/manager/services.ts";
import { Layers } from "./manager/data/layers.ts";
import { StateFolder } from "./manager/data/state_folder.ts";
import { statePaths } from "./manager/state/state_paths.ts";
import { convert, type Converted } from "./redpepper/convert.ts";
import { compareNotes, type Note } from "./redpepper/note.ts";
import type { RedpepperAgent } from "./redpepper/read_agents.ts";
import { readRedpepperFolder } from "./redpepper/redpepper_folder.ts";
import { foldNames } from "./targets/fold_names.ts";
import { Compiler } from "./states/compiler.ts";
import type { Problem } from "./states/problems.ts";
import { stepDescriptions } from "./steps/registry.ts";
import { readIdentity, type StoredAgent } from "./store/identity.ts";

/** Folder that files of RedPepper go to. */
export interface ImportTarget {
  readonly dir: string;
  /** True if it is the state folder of a Manager, whose agents are known. */
  readonly isManager: boolean;
}

/**
 * Reads a Manager of RedPepper, and compares it with what is in a folder. Nothing is written before it is asked for.
 *
 * @throws {PiriError} NOT_FOUND if it is no folder of RedPepper; FAILED_PRECONDITION if the target is no state folder;
 * CORRUPT, DENIED, DISK
 */
export async function openImport(
  folder: string,
  { dir, isManager }: ImportTarget,
): Promise<RedpepperImport> {
  const known = isManager ? await knownAgents(dir) : [];
  const converted = convert(await readRedpepperFolder(folder));
  const files = new Map(converted.files);
  if (!isManager) files.set("agents.sh", agentScript(converted.agents));
  const problems = await compileNotes(converted);
  return {
    agents: converted.agents.map((agent) => compareAgent(agent, known)),
    files: await Promise.all(
      [...files].map(async ([path, content]) => ({
        path,
        found: await compareFile(join(dir, path), content),
      })),
    ),
    notes: [...converted.notes, ...problems].toSorted(compareNotes),
    write: async (path) => {
      const content = files.get(path);
      if (content === undefined) throw new TypeError(`no file "${path}"`);
      await writeNew(join(dir, path), content);
    },
  };
}

async function knownAgents(dir: string): Promise<readonly StoredAgent[]> {
  const { database } = statePaths(dir);
  if (await exists(database)) return (await readIdentity(database)).agents;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot import into "${dir}": it is no state folder of a Manager; run piri-manager init, or give a folder of its own by --into`,
  );
}

function compareAgent(
  { id, groups, cidrs, secretHash }: RedpepperAgent,
  known: readonly StoredAgent[],
): ImportedAgent {
  const agent = { id, groups, cidrs, secretHash };
  const found = known.find((each) => each.id === id);
  if (found === undefined) return { ...agent, found: "nothing" };
  // One that has joined since has a secret of its own.
  const isJoined = found.publicKey !== null;
  const hash = found.secretHash === null
    ? undefined
    : encodeHex(found.secretHash);
  const isSame = equal(groups, found.groups) && equal(cidrs, found.cidrs) &&
    (isJoined || hash === secretHash);
  return { ...agent, found: isSame ? "same" : "other" };
}

function equal(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function compareFile(
  path: string,
  content: Uint8Array,
): Promise<"nothing" | "same" | "other"> {
  try {
    const info = await Deno.stat(path);
    if (!info.isFile || info.size !== content.length) return "other";
    const there = await Deno.readFile(path);
    return there.every((byte, index) => byte === content[index])
      ? "same"
      : "other";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "nothing";
    throw diskError(`read "${path}"`, error);
  }
}

async function writeNew(path: string, content: Uint8Array): Promise<void> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw diskError(`make the folder of "${path}"`, error);
  }
  if (await exists(path)) {
    throw new PiriError(
      "ALREADY_EXISTS",
      `Cannot write "${path}": it has been made meanwhile`,
    );
  }
  await writeFileAtomically(path, content);
}

/** Lines that add the agents to a Manager. */
function agentScript(agents: readonly RedpepperAgent[]): Uint8Array {
  const lines = agents.map(({ id, groups, cidrs, secretHash }) =>
    [
      "piri-manager agent add",
      id,
      ...groups.map((group) => `--group ${group}`),
      ...cidrs.map((cidr) => `--cidr ${cidr}`),
      ...secretHash === undefined ? [] : [`--secret-hash ${secretHash}`],
    ].join(" ")
  );
  return new TextEncoder().encode(`#!/bin/sh\n${lines.join("\n")}\n`);
}

/** Errors of the compiler for all agents, at their places in the files of RedPepper. */
async function compileNotes(converted: Converted): Promise<Note[]> {
  const { agents, files } = converted;
  const dir = await Deno.makeTempDir({ prefix: "piri-import-" });
  try {
    for (const [path, content] of files) {
      await writeNew(join(dir, path), content);
    }
    const compiler = new Compiler({
      reader: new StateFolder(dir),
      operations: stepDescriptions,
    });
    const layers = new Layers(join(dir, "data"));
    const notes = new Map<string, { note: Note; agents: string[] }>();
    const names = await compiler.names();
    for (const agent of agents) {
      const data = await layers.of(agent);
      for (const name of names) {
        const { problems } = await compiler.compile(name, {
          ...agent,
          facts: {},
          data,
          secrets: new Map(),
        });
        for (const problem of problems) {
          const note = noteOf(problem, converted);
          const found = notes.get(JSON.stringify(note)) ?? { note, agents: [] };
          found.agents.push(agent.id);
          notes.set(JSON.stringify(note), found);
        }
      }
    }
    return [...notes.values()].map(({ note, agents: some }) => ({
      ...note,
      message: some.length === agents.length
        ? note.message
        : `${note.message} (for ${foldNames([...new Set(some)])})`,
    }));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function noteOf(
  { place, message }: Problem,
  { origins, modules }: Converted,
): Note {
  const [, operation = "", module = ""] =
    /^Cannot find the operation "(([^".]+)[^"]*)"/.exec(message) ?? [];
  const code = modules.get(module);
  return {
    file: origins.get(place.file) ?? place.file,
    line: place.line,
    message: code === undefined
      ? message
      : `Cannot use "${operation}": it is Python, in ${code}; write command.Run in its place`,
    isLost: true,
  };
}
