import { basename, dirname, join, resolve } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import {
  diskError,
  exists,
  PRIVATE_FOLDER,
  syncFolder,
  writeFileAtomically,
} from "../../base/files.ts";
import { ownKeys, type StatePaths, statePaths } from "./state_paths.ts";

/** Names at the top of a state folder that are not copied: the database is copied in its own way, and others are of a run. */
const OF_A_RUN =
  /^(control\.|manager\.db(-(lock|shm|wal|(version|of)-.*))?$|(running|update)\.json$)|\.tmp$/;

/** Limit of copies of the database that are made for one backup: if the last one lacks something, the original does. */
const MAX_COPIES = 5;

/** Parts of a backup. */
export interface BackUpOptions {
  /** Folder to make. */
  readonly to: string;
  /** False to leave out the private keys. */
  readonly withKeys: boolean;
  /** Copies the database as it is at one moment, on the disk when it has returned. */
  readonly copyDatabase: (from: string, to: string) => Promise<void>;
  /** Says which bytes a copied database names that the files beside it lack; undefined if none. */
  readonly lackOf: (database: string) => string | undefined;
}

/** A backup that was made. */
export interface BackUp {
  /** Path of its folder. */
  readonly dir: string;
  readonly files: number;
  readonly bytes: number;
  /** Names of the private keys that are not in it. */
  readonly leftOut: readonly string[];
  /** Bytes that its database names and that are not there, because the state folder itself lacks them. */
  readonly lack: string | undefined;
}

/**
 * Copies a state folder as its Manager can be started from, also while the Manager runs.
 *
 * The database is copied as it is at one moment. Everything that it names is there: files come before it, because some
 * of them may be removed while the backup is made, and once more after it, because others have come. If one has come and
 * gone in between, the database is copied once more. The folder has its name only when all of it is on the disk.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the state folder is not initialised; INVALID_ARGUMENT for a folder that is
 * there, or is inside the state folder; DISK, DENIED
 */
export async function backUp(
  state: string,
  { to, withKeys, copyDatabase, lackOf }: BackUpOptions,
): Promise<BackUp> {
  const paths = statePaths(resolve(state));
  const target = resolve(to);
  await requireState(paths);
  await requireNew(target, paths.dir);
  const keys = [paths.caKey, paths.nextCaKey, ...ownKeys(paths)];
  const leftOut = withKeys ? [] : await namesOfThere(keys);
  const making = `${target}.unfinished`;
  await makeFolder(making, to);
  let lack: string | undefined;
  try {
    const copier = new Copier(paths, withKeys ? [] : keys);
    await copier.copy(paths.dir, making);
    const { database } = statePaths(making);
    for (let copies = 1;; copies++) {
      await copyDatabase(paths.database, database);
      await copier.copy(paths.dir, making);
      lack = lackOf(database);
      if (lack === undefined || copies === MAX_COPIES) break;
      await Deno.remove(database);
    }
    await takeOver(database, await Deno.stat(paths.database));
    if (leftOut.length > 0) {
      await writeFileAtomically(
        statePaths(making).keysLeftOut,
        `${leftOut.join("\n")}\n`,
      );
    }
    await takeOver(making, {
      ...await Deno.stat(paths.dir),
      mode: PRIVATE_FOLDER,
    });
    await Deno.rename(making, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await Deno.remove(making, { recursive: true }).catch(() => {});
    throw diskError(`back up "${state}" to "${to}"`, error);
  }
  return { dir: target, leftOut, lack, ...await sizeOf(target) };
}

async function requireState({ dir, config, database }: StatePaths) {
  if (await exists(config) && await exists(database)) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot back up "${dir}": it is no state folder of a Manager`,
  );
}

async function requireNew(target: string, dir: string): Promise<void> {
  const refuse = (why: string) =>
    new PiriError(
      "INVALID_ARGUMENT",
      `Cannot back up to "${target}": ${why}`,
    );
  if (`${target}/`.startsWith(`${dir}/`)) {
    throw refuse("it is inside the state folder");
  }
  if (await exists(target)) throw refuse("it is there already");
  if (await exists(`${target}.unfinished`)) {
    throw refuse(
      `"${target}.unfinished" is there, of a backup that did not finish; remove it`,
    );
  }
}

async function namesOfThere(paths: readonly string[]): Promise<string[]> {
  const names: string[] = [];
  for (const path of paths) {
    if (await exists(path)) names.push(basename(path));
  }
  return names;
}

async function makeFolder(path: string, to: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: PRIVATE_FOLDER });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw diskError(`back up to "${to}"`, error);
    }
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot back up to "${to}": there is no folder "${dirname(path)}"`,
    );
  }
}

/** Copies the files of a state folder, and the second time those that have come or changed. */
class Copier {
  readonly #paths: StatePaths;
  readonly #keys: ReadonlySet<string>;
  /** Size of each file that was copied, and the time of its last change: two changes can have the same time. */
  readonly #copied = new Map<string, string>();

  constructor(paths: StatePaths, keys: readonly string[]) {
    this.#paths = paths;
    this.#keys = new Set(keys);
  }

  async copy(from: string, to: string): Promise<void> {
    for await (const entry of Deno.readDir(from)) {
      const source = join(from, entry.name);
      if (this.#isLeftOut(source, entry.name)) continue;
      const target = join(to, entry.name);
      try {
        if (entry.isDirectory) await this.#copyFolder(source, target);
        else if (entry.isSymlink) await copyLink(source, target);
        else if (entry.isFile) await this.#copyFile(source, target);
      } catch (error) {
        // Removed meanwhile.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    await syncFolder(to);
  }

  #isLeftOut(path: string, name: string): boolean {
    const { dir, unfinished, keysLeftOut, blobs } = this.#paths;
    if (this.#keys.has(path)) return true;
    if (path === unfinished || path === keysLeftOut) return true;
    // Uploads that are not complete are sent again.
    if (path === join(blobs, "uploads")) return true;
    return dirname(path) === dir && OF_A_RUN.test(name);
  }

  async #copyFolder(source: string, target: string): Promise<void> {
    const info = await Deno.stat(source);
    await Deno.mkdir(target, { recursive: true });
    await this.copy(source, target);
    await takeOver(target, info);
  }

  async #copyFile(source: string, target: string): Promise<void> {
    const info = await Deno.stat(source);
    const state = `${info.size} ${info.mtime?.getTime()}`;
    if (this.#copied.get(source) === state) return;
    await Deno.copyFile(source, target);
    await takeOver(target, info);
    using file = await Deno.open(target);
    await file.sync();
    this.#copied.set(source, state);
  }
}

async function copyLink(source: string, target: string): Promise<void> {
  const place = await Deno.readLink(source);
  await Deno.remove(target).catch(() => {});
  await Deno.symlink(place, target);
}

/** Gives a copy the rights and the times of what it is a copy of. */
async function takeOver(
  path: string,
  { mode, uid, gid, atime, mtime }: Pick<
    Deno.FileInfo,
    "mode" | "uid" | "gid" | "atime" | "mtime"
  >,
): Promise<void> {
  if (Deno.build.os !== "windows") {
    if (mode !== null) await Deno.chmod(path, mode & 0o7777);
    if (Deno.uid() === 0) await Deno.chown(path, uid, gid);
  }
  if (mtime !== null) await Deno.utime(path, atime ?? mtime, mtime);
}

async function sizeOf(
  dir: string,
): Promise<{ files: number; bytes: number }> {
  let files = 0;
  let bytes = 0;
  for await (const { name, isDirectory, isFile } of Deno.readDir(dir)) {
    const path = join(dir, name);
    if (isDirectory) {
      const inside = await sizeOf(path);
      files += inside.files;
      bytes += inside.bytes;
    } else if (isFile) {
      files += 1;
      bytes += (await Deno.stat(path)).size;
    }
  }
  return { files, bytes };
}
