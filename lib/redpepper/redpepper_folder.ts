import { dirname, isAbsolute, join, resolve } from "@std/path";
import { PiriError } from "../base/errors.ts";
import { diskError } from "../base/files.ts";
import { isObject } from "../base/json_object.ts";
import type { Note } from "./note.ts";
import { isParsed, parseOlderYaml } from "./older_yaml.ts";

/** Largest file that is taken, in bytes. */
const MAX_FILE_BYTES = 64 * 1_048_576;

/** Files of a Manager of RedPepper. */
export interface RedpepperFolder {
  /** Folder of its data: that with agents.yml. */
  readonly base: string;
  /** Contents by their paths below that folder, with slashes, sorted. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Settings of manager.yml, if it was found. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly notes: readonly Note[];
}

/**
 * Reads the folder of a Manager of RedPepper: that of its data, or the one with its manager.yml.
 *
 * @throws {PiriError} NOT_FOUND if it is no such folder; DENIED, DISK
 */
export async function readRedpepperFolder(
  folder: string,
): Promise<RedpepperFolder> {
  const settings = await settingsIn(folder);
  const base = await baseOf(folder, settings);
  const files = new Map<string, Uint8Array>();
  const notes: Note[] = [];
  for (const part of ["agents.yml", "groups.yml", ...FOLDERS]) {
    await collect(base, part, { files, notes });
  }
  return { base, files, settings, notes };
}

const FOLDERS = ["data", "state", "operations", "requests", "custom-states"];

async function settingsIn(folder: string): Promise<Record<string, unknown>> {
  const text = await Deno.readTextFile(join(folder, "manager.yml"))
    .catch(() => "");
  const parsed = parseOlderYaml(text, "manager.yml");
  return isParsed(parsed) && isObject(parsed.value) ? parsed.value : {};
}

async function baseOf(
  folder: string,
  { data_base_dir: named }: Readonly<Record<string, unknown>>,
): Promise<string> {
  const places = [folder, join(folder, "data"), join(folder, "conf")];
  if (typeof named === "string") {
    // A relative path begins where the Manager was started: mostly beside the folder of its configuration.
    places.unshift(
      ...isAbsolute(named)
        ? [named]
        : [join(folder, named), join(dirname(resolve(folder)), named)],
    );
  }
  for (const place of places) {
    if (await isFile(join(place, "agents.yml"))) return place;
  }
  throw new PiriError(
    "NOT_FOUND",
    `Cannot find RedPepper's files: there is no agents.yml in "${folder}", nor in the folder that a manager.yml in it names; give the folder of data_base_dir, as /var/lib/redpepper/data`,
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

interface Collected {
  readonly files: Map<string, Uint8Array>;
  readonly notes: Note[];
}

async function collect(
  base: string,
  path: string,
  collected: Collected,
): Promise<void> {
  const full = join(base, path);
  try {
    const link = await Deno.lstat(full).catch(() => undefined);
    if (link === undefined) return;
    if (link.isSymlink && !await leadsInside(base, full)) {
      collected.notes.push({
        file: path,
        message:
          "Cannot take this link: it leads out of the folder; copy what it leads to in its place",
        isLost: true,
      });
      return;
    }
    const info = await Deno.stat(full);
    if (info.isDirectory) {
      if (!link.isSymlink) await collectFolder(base, path, collected);
      return;
    }
    if (!info.isFile) return;
    if (info.size > MAX_FILE_BYTES) {
      collected.notes.push({
        file: path,
        message:
          `Cannot take this file: its ${info.size} bytes are over the limit of ${MAX_FILE_BYTES}; copy it by hand`,
        isLost: true,
      });
      return;
    }
    collected.files.set(path, await Deno.readFile(full));
  } catch (error) {
    throw diskError(`read "${full}"`, error);
  }
}

async function collectFolder(
  base: string,
  path: string,
  collected: Collected,
): Promise<void> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(join(base, path))) {
    if (name !== "__pycache__") names.push(name);
  }
  for (const name of names.toSorted()) {
    const below = `${path}/${name}`;
    if (!name.startsWith(".") && !name.includes("\\")) {
      await collect(base, below, collected);
      continue;
    }
    collected.notes.push({
      file: below,
      message: "It is not copied: RedPepper gives no such name to agents",
      isLost: false,
    });
  }
}

async function leadsInside(base: string, path: string): Promise<boolean> {
  const [inside, target] = await Promise.all([
    Deno.realPath(base),
    Deno.realPath(path).catch(() => ""),
  ]);
  return target.startsWith(`${inside}/`) || target.startsWith(`${inside}\\`);
}
