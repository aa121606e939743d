import { join } from "@std/path";
import { compareVersions } from "../../update/versions.ts";
import { VERSION_PATTERN } from "../../base/version_pattern.ts";
import type { NoteFiles } from "../../update/update_note.ts";

/** File in the state folder with the highest floor that a signed release has named here. */
const FLOOR = "update-floor";

/**
 * Reads the lowest version that may still be run; undefined if none was ever named.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function readFloor(
  files: Pick<NoteFiles, "read">,
  dir: string,
): Promise<string | undefined> {
  const text = (await files.read(join(dir, FLOOR)))?.trim();
  return text !== undefined && VERSION_PATTERN.test(text) ? text : undefined;
}

/**
 * Notes a floor, unless a higher one was named before. Returns the highest.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function raiseFloor(
  files: NoteFiles,
  dir: string,
  floor: string,
): Promise<string> {
  const known = await readFloor(files, dir);
  if (known !== undefined && compareVersions(known, floor) >= 0) return known;
  await files.write(join(dir, FLOOR), `${floor}\n`, 0o600);
  return floor;
}
