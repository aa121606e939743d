import { dirname } from "@std/path";
import { PiriError } from "../base/errors.ts";
import {
  diskError,
  exists,
  removeIfThere,
  renameFile,
  syncFolder,
} from "../base/files.ts";
import { copyPath } from "./copy_before_upgrade.ts";
import { isLocked } from "./lock.ts";

/** Ends of the names of the files beside a database that belong to it. */
const LOG = "-wal";
const INDEX = "-shm";

/**
 * Puts the copy from before an upgrade in the place of the database, which stays beside it under another name. May be
 * repeated after a crash. Returns the path at which the database stays.
 *
 * @param database Path of the database. No Manager may use it.
 * @param before `schema` is the version of the copy's schema, and `by` names the version of the program that changed it.
 *
 * @throws {PiriError} NOT_FOUND if there is no such copy, FAILED_PRECONDITION while a Manager uses the database, DISK
 */
export async function putBackCopy(
  database: string,
  { schema, by }: { readonly schema: number; readonly by: string },
): Promise<string> {
  const copy = copyPath(database, schema);
  if (!await exists(copy)) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot put the database back: there is no "${copy}"`,
    );
  }
  if (await isLocked(database)) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot put the database back: a Manager runs on "${database}"`,
    );
  }
  const aside = await placeAside(database, `${database}-of-${by}`);
  // A second name, so that at no time there is no database: a Manager would begin with an empty one.
  await secondName(database, aside);
  await secondName(`${database}${LOG}`, `${aside}${LOG}`);
  await syncFolder(dirname(database));
  // SQLite would write the log of the other database into the copy.
  await removeIfThere(`${database}${LOG}`);
  await removeIfThere(`${database}${INDEX}`);
  await renameFile(copy, database);
  return aside;
}

/** A name that no other file has. One that an interrupted attempt gave to the database is taken again. */
async function placeAside(database: string, name: string): Promise<string> {
  const own = await Deno.stat(database);
  for (let number = 1;; number++) {
    const path = number === 1 ? name : `${name}-${number}`;
    const there = await Deno.stat(path).catch(() => undefined);
    if (there === undefined) return path;
    if (there.ino === own.ino && there.dev === own.dev) return path;
  }
}

/** Gives a file a second name, if there is one. */
async function secondName(path: string, name: string): Promise<void> {
  if (!await exists(path)) return;
  try {
    await removeIfThere(name);
    await Deno.link(path, name);
  } catch (error) {
    throw diskError(`link "${name}"`, error);
  }
}
