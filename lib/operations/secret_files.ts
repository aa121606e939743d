import { join } from "@std/path";
import { diskError, PRIVATE_FILE, PRIVATE_FOLDER } from "../base/files.ts";
import { makePrivateFolder } from "../base/private_folder.ts";
import type { Sealed } from "../base/sealed.ts";
import { isFolder } from "./environment.ts";
import type { ProgramUser } from "./program.ts";

/** Folder in memory on most Linux systems. */
const MEMORY = "/dev/shm";

/** Folder for the secrets of a command: in memory where there is a place for it. */
export function secretFolder(marker: string): string {
  return join(placeForSecrets(), `piri-secrets-${marker}`);
}

function placeForSecrets(): string {
  if (Deno.build.os === "linux" && isFolder(MEMORY)) return MEMORY;
  const { TMPDIR, TEMP } = Deno.env.toObject();
  return Deno.build.os === "windows" ? TEMP ?? "C:\\Windows\\Temp" : TMPDIR ??
    "/tmp";
}

/**
 * Writes secrets as files that nobody but the user of the program may read. Returns their paths by name.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function writeSecretFiles(
  marker: string,
  secrets: ReadonlyMap<string, Sealed>,
  user: ProgramUser | undefined,
): Promise<Record<string, string>> {
  const folder = secretFolder(marker);
  const paths: Record<string, string> = {};
  try {
    await makeFolder(folder);
    let number = 0;
    for (const [name, secret] of secrets) {
      const path = join(folder, String(++number));
      await Deno.writeTextFile(path, secret.open(), {
        createNew: true,
        mode: PRIVATE_FILE,
      });
      await giveTo(path, user);
      paths[name] = path;
    }
    await giveTo(folder, user);
  } catch (error) {
    await removeSecretFolder(marker);
    throw diskError("write a secret for the program", error);
  }
  return paths;
}

/** Makes a folder that is not there yet: one that somebody else has made is not trusted. */
async function makeFolder(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return await makePrivateFolder(folder);
  await Deno.mkdir(folder, { mode: PRIVATE_FOLDER });
}

async function giveTo(
  path: string,
  user: ProgramUser | undefined,
): Promise<void> {
  if (user === undefined || user.uid === Deno.uid()) return;
  await Deno.chown(path, user.uid, user.gid);
}

/** Removes the secrets of a command, if there are any. Never throws. */
export async function removeSecretFolder(marker: string): Promise<void> {
  await Deno.remove(secretFolder(marker), { recursive: true }).catch(() => {});
}
