import { createHash } from "node:crypto";
import { systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";

/** Size of one measurement, in bytes. */
export const BULK_BYTES = 200_000_000;

const CHUNK_BYTES = 1_000_000;

/** Writes a file of this size that cannot be compressed, and returns its SHA-256. */
export async function writeBulk(
  path: string,
  size: number = BULK_BYTES,
): Promise<string> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const hash = createHash("sha256");
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let left = size; left > 0; left -= chunk.length) {
    const part = chunk.subarray(0, Math.min(left, chunk.length));
    for (let at = 0; at < part.length; at += 65_536) {
      crypto.getRandomValues(part.subarray(at, at + 65_536));
    }
    hash.update(part);
    for (let at = 0; at < part.length;) {
      at += await file.write(part.subarray(at));
    }
  }
  return hash.digest("hex");
}

/**
 * Has a program print the whole file, and returns the megabytes a second that arrived here, from its start to its end.
 *
 * @throws {PiriError} INTERNAL if it fails, or prints something else
 */
export async function printedRate(
  argv: readonly string[],
  sha256: string,
): Promise<number> {
  const [program = "", ...args] = argv;
  const began = systemClock.monotonic();
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  // Hashed after the time is taken: the same cost on both sides would make them look more alike.
  const parts: Uint8Array[] = [];
  for await (const part of child.stdout) parts.push(part);
  const { code } = await child.status;
  const seconds = (systemClock.monotonic() - began) / 1_000;
  const hash = createHash("sha256");
  let bytes = 0;
  for (const part of parts) {
    hash.update(part);
    bytes += part.length;
  }
  requireSame(program, { code, bytes, sha256: hash.digest("hex") }, sha256);
  return bytes / 1e6 / seconds;
}

/** Hashes a file with SHA-256. */
export async function fileHash(
  path: string,
): Promise<{ bytes: number; sha256: string }> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const part of file.readable) {
    hash.update(part);
    bytes += part.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** @throws {PiriError} INTERNAL */
export function requireSame(
  what: string,
  got: { code: number; bytes: number; sha256: string },
  sha256: string,
): void {
  if (got.code === 0 && got.sha256 === sha256) return;
  throw new PiriError(
    "INTERNAL",
    `Cannot measure: "${what}" ended with ${got.code} and brought ${got.bytes} bytes of the hash ${got.sha256} instead of ${sha256}`,
  );
}
