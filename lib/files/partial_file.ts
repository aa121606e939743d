import { createHash, type Hash } from "node:crypto";
import { codeOf, PiriError } from "../base/errors.ts";
import type { HostFile } from "./byte_file.ts";
import { fileError } from "./file_errors.ts";
import {
  create,
  factsAt,
  type HostFolder,
  openToChange,
  remove,
} from "./host_files.ts";
import { shownName } from "./names.ts";
import type { OpenPlace } from "./prune.ts";
import { SparseWriter } from "./sparse_writer.ts";
import type { TreeFile } from "./tree.ts";

/** Size from which on a part of a file is kept for a later attempt, in bytes. */
const WORTH_BYTES = 1_048_576;

const READ_BYTES = 262_144;
const OWN_MODE = 0o600;

/** Name of the file that a file is written to first. It is the same for another attempt with the same content. */
export function temporaryOf({ sha256, name }: TreeFile): string {
  const digits = createHash("sha256").update(`${sha256} ${name}`).digest("hex");
  return `.piri-${digits.slice(0, 16)}`;
}

/** Bytes that an earlier attempt has written; 0 if there are none that can be trusted. */
export function partAt(folder: HostFolder, temporary: string): number {
  const facts = factsAt(folder.at(temporary));
  if (facts?.kind !== "file") return 0;
  const isOwn = Deno.build.os === "windows" ||
    (facts.uid === Deno.uid() && facts.mode === OWN_MODE);
  return isOwn ? facts.size : 0;
}

/** True if the part of a file that was written before this error helps another attempt. */
export function isWorthKeeping({ size }: TreeFile, error: unknown): boolean {
  return size >= WORTH_BYTES && codeOf(error) !== "FAILED_PRECONDITION";
}

/**
 * Writes the content of a file to a temporary one, from `offset` on, and checks all of it.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the content is not that of the entry; DENIED, DISK; CANCELLED
 */
export async function writePart(
  { folder, name }: OpenPlace,
  { size, sha256, name: shown }: TreeFile,
  { pieces, offset, signal }: {
    pieces: AsyncIterable<Uint8Array>;
    offset: number;
    signal: AbortSignal;
  },
): Promise<void> {
  const path = folder.shownAt(shown.split("/").at(-1) || name);
  try {
    using file = open(folder, name, offset);
    const hash = createHash("sha256");
    await hashPart(file, offset, hash);
    const writer = new SparseWriter(file, offset);
    for await (const piece of pieces) {
      if (signal.aborted) {
        throw new PiriError(
          "CANCELLED",
          `Cannot write "${shownName(path)}": it was cancelled`,
        );
      }
      hash.update(piece);
      await writer.write(piece);
    }
    await writer.finish();
    if (writer.size === size && hash.digest("hex") === sha256) return;
  } catch (error) {
    throw fileError("write", path, error);
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot write "${
      shownName(path)
    }": its content is not the one of the list; it was changed meanwhile`,
  );
}

/** Removes a file. What cannot be removed is a leftover, which harms nobody. */
export function removeQuietly(path: string): void {
  try {
    remove(path);
  } catch {
    // It stays.
  }
}

function open(folder: HostFolder, name: string, offset: number): HostFile {
  if (offset > 0) return openToChange(folder.at(name));
  if (factsAt(folder.at(name)) !== undefined) remove(folder.at(name));
  return create(folder.at(name));
}

/** Hashes the first bytes of a file, which is then at their end. */
async function hashPart(
  file: HostFile,
  offset: number,
  hash: Hash,
): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (let left = offset; left > 0;) {
    const count = await file.read(
      buffer.subarray(0, Math.min(left, READ_BYTES)),
    );
    if (count === null) throw new Error("It became shorter meanwhile");
    hash.update(buffer.subarray(0, count));
    left -= count;
  }
}
