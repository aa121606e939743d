import { join } from "@std/path";
import { encodeHex } from "@std/encoding/hex";
import { systemClock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";

/** Age from which a temporary file without a lock is a leftover, in milliseconds. */
const LEFTOVER_MS = 60_000;

const TEMPORARY = /^\.piri-[0-9a-f]{16}$/;

/** Makes a name for a temporary file. */
export function temporaryName(random: Random): string {
  return `.piri-${encodeHex(random.bytes(8))}`;
}

/** Locks a temporary file until it is closed, also by the death of this process. */
export async function markInUse(file: Deno.FsFile): Promise<void> {
  // A file system without locks keeps leftovers.
  await file.tryLock(true).catch(() => false);
}

/** Removes temporary files from a folder that an agent left there when it was killed. Errors are ignored. */
export async function removeLeftovers(folder: string): Promise<void> {
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (!isFile || !TEMPORARY.test(name)) continue;
      // One that stays harms nobody.
      await removeIfLeft(join(folder, name)).catch(() => {});
    }
  } catch {
    // A later write to the folder tells what is wrong with it.
  }
}

async function removeIfLeft(path: string): Promise<void> {
  const { isFile, mtime } = await Deno.lstat(path);
  const age = systemClock.now() - (mtime?.getTime() ?? Infinity);
  if (isFile && age > LEFTOVER_MS && await isUnused(path)) {
    await Deno.remove(path);
  }
}

async function isUnused(path: string): Promise<boolean> {
  using file = await Deno.open(path, { read: true, write: true });
  return await file.tryLock(true);
}
