import { join } from "@std/path";
import type { Disk } from "./disk.ts";
import { diskError } from "./files.ts";

/**
 * Disk in a folder that another process may own and write to meanwhile. Takes no lock.
 *
 * Its calls throw NOT_FOUND (only `list`: a file that is not there is empty), DENIED or DISK.
 */
export function readOnlyDisk(
  folder: string,
): Pick<Disk, "list" | "size" | "read"> {
  return {
    async list() {
      try {
        const names: string[] = [];
        for await (const { name, isFile } of Deno.readDir(folder)) {
          if (isFile) names.push(name);
        }
        return names.sort();
      } catch (error) {
        throw diskError(`list "${folder}"`, error);
      }
    },
    size: (name) =>
      orEmpty(join(folder, name), async (path) => (await Deno.stat(path)).size)
        .then((size) => size ?? 0),
    read: (name, offset, length) =>
      orEmpty(join(folder, name), (path) => readPart(path, offset, length))
        .then((bytes) => bytes ?? new Uint8Array()),
  };
}

async function orEmpty<T>(
  path: string,
  task: (path: string) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await task(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw diskError(`read "${path}"`, error);
  }
}

async function readPart(
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path);
  await file.seek(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  let got = 0;
  while (got < length) {
    const count = await file.read(bytes.subarray(got));
    if (count === null) break;
    got += count;
  }
  return bytes.subarray(0, got);
}
