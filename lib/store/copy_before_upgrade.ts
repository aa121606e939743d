import { basename, dirname, join } from "@std/path";
import { codeOf, messageOf, PiriError } from "../base/errors.ts";
import { removeIfThere, renameFile } from "../base/files.ts";
import { copyDatabase } from "./copy_database.ts";
import { Database } from "./database.ts";
import { olderVersion } from "./migrate.ts";

/** End of the name of a copy, before the version of its schema. */
const BEFORE_VERSION = "-version-";

/**
 * Copies a database that an earlier version has made, before this version changes its schema: the earlier one can no
 * longer open it then. A copy from before an earlier change is removed.
 *
 * @returns the path of the copy; undefined if the schema stays
 *
 * @throws {PiriError} DISK, CORRUPT; the database is as it was
 */
export async function copyBeforeUpgrade(
  database: string,
): Promise<string | undefined> {
  const version = await versionBefore(database);
  if (version === undefined) return undefined;
  const copy = `${database}${BEFORE_VERSION}${version}`;
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
  await removeOthers(database, copy);
  return copy;
}

/** Version of the schema, if there is a database and it is older than this program. */
async function versionBefore(database: string): Promise<number | undefined> {
  const { size } = await Deno.stat(database);
  if (size === 0) return undefined;
  using db = new Database(database);
  return olderVersion(db);
}

async function removeOthers(database: string, copy: string): Promise<void> {
  const folder = dirname(database);
  const prefix = `${basename(database)}${BEFORE_VERSION}`;
  for await (const { name } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (name.startsWith(prefix) && path !== copy) await removeIfThere(path);
  }
}
