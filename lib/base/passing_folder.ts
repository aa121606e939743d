import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";
import { codeOf, messageOf, PiriError } from "./errors.ts";
import { diskError, PRIVATE_FOLDER } from "./files.ts";
import { makePrivateFolder } from "./private_folder.ts";
import type { Random } from "./random.ts";

/** Private folder that goes with the program. */
export interface PassingFolder {
  readonly path: string;
  /**
   * Removes the folder with all that is in it. May be called again. Synchronous, for the last moment of a program.
   *
   * @throws {PiriError} DISK, DENIED
   */
  remove(): void;
}

const PREFIX = "piri-brief-";

/** The system's folder for temporary files. */
export function temporaryPlace(
  env: (name: string) => string | undefined,
): string {
  return Deno.build.os === "windows"
    ? env("TEMP") || "C:\\Windows\\Temp"
    : env("TMPDIR") || "/tmp";
}

/**
 * Makes a folder in a place for temporary files. Only its user may enter it.
 *
 * @throws {PiriError} DISK, DENIED, NOT_FOUND
 */
export async function makePassingFolder(
  place: string,
  random: Random,
): Promise<PassingFolder> {
  const path = join(place, `${PREFIX}${encodeHex(random.bytes(6))}`);
  if (Deno.build.os === "windows") {
    await makePrivateFolder(path);
  } else {
    // Not recursive: a folder of somebody else at this path is an error.
    await Deno.mkdir(path, { mode: PRIVATE_FOLDER }).catch((error) => {
      throw diskError(`make the folder "${path}"`, error);
    });
  }
  return { path, remove: () => removeFolder(path) };
}

function removeFolder(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    const cause = diskError("remove it", error);
    throw new PiriError(
      codeOf(cause),
      `Cannot remove "${path}": ${messageOf(error)}`,
      { cause },
    );
  }
}
