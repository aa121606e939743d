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
      const path = join(folder, name);
      if (await isLeftover(path)) await Deno.remove(path);
    }
  } catch {
    // They harm nobody, and the next one may be luckier.
  }
}

async function isLeftover(path: string): Promise<boolean> {
  using file = await Deno.open(path, { read: true, write: true });
  const { mtime } = await file.stat();
  const age = systemClock.now() - (mtime?.getTime() ?? Infinity);
  return age > LEFTOVER_MS && await file.tryLock(true);
}
