import { basename, dirname, join } from "@std/path";
import { codeOf, messageOf, PiriError } from "../base/errors.ts";
import { removeIfThere, renameFile } from "../base/files.ts";
import { copyDatabase } from "./copy_database.ts";

/** End of the name of a copy, before the version of its schema. */
const BEFORE_VERSION = "-version-";

/**
 * Copies a database before this version changes its schema: the program that made it can no longer open it then. A copy
 * from before an earlier change is removed, but for the one to keep. Returns the path of the copy.
 *
 * @param version Version of the schema.
 * @param keep Version of the schema of a copy that stays.
 *
 * @throws {PiriError} DISK, CORRUPT; the database is as it was
 */
export async function copyBeforeUpgrade(
  database: string,
  version: number,
  keep?: number,
): Promise<string> {
  const copy = copyPath(database, version);
  const unfinished = `${copy}.tmp`;
  try {
    await removeIfThere(unfinished);
    await copyDatabase(database, unfinished);
    await renameFile(unfinished, copy);
  } catch (error) {
    await removeIfThere(unfinished).catch(() => {});
    throw new PiriError(
      codeOf(error) === "CORRUPT" ? "CORRUPT" : "DISK",
      `Cannot copy "${database}" before this version changes it: ${
        messageOf(error)
      }`,
      { cause: error },
    );
  }
  const kept = keep === undefined ? [] : [copyPath(database, keep)];
  await removeOthers(database, [copy, ...kept]);
  return copy;
}

/** Path of the copy of a database with a schema of this version. */
export function copyPath(database: string, version: number): string {
  return `${database}${BEFORE_VERSION}${version}`;
}

async function removeOthers(
  database: string,
  kept: readonly string[],
): Promise<void> {
  const folder = dirname(database);
  const prefix = `${basename(database)}${BEFORE_VERSION}`;
  for await (const { name } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (name.startsWith(prefix) && !kept.includes(path)) {
      await removeIfThere(path);
    }
  }
}
