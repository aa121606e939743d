import { createHash } from "node:crypto";
import { diskError } from "../../base/files.ts";
import { PiriError } from "../../base/errors.ts";
import type { Manifest, ManifestFile } from "../../update/manifest.ts";
import type { ReleaseSource } from "./release_source.ts";

/** Count of pieces that are requested ahead of the one that is written. */
const AHEAD = 16;

/** Mode of a program. */
const PROGRAM = 0o755;

/** Program to fetch, and where from. */
export interface FetchOptions {
  readonly manifest: Pick<Manifest, "pieceBytes">;
  readonly file: ManifestFile;
  readonly source: Pick<ReleaseSource, "read">;
  /** Program that runs: most of its pieces are the same. */
  readonly like: string;
  /** File for the pieces. What an earlier attempt has left in it is used. */
  readonly partial: string;
  readonly progress: (done: number, total: number) => void;
}

/** Counts of a fetch, in bytes. */
export interface Fetched {
  /** Bytes that came from the Manager. */
  readonly fetched: number;
  /** Bytes that were on the host. */
  readonly reused: number;
}

/**
 * Puts a program together from the pieces of the one that runs and those that the Manager has, and makes it durable.
 *
 * @throws {PiriError} CORRUPT if the bytes are not those of the manifest; DISK, DENIED, CANCELLED, and those of the
 * Manager
 */
export async function fetchProgram(options: FetchOptions): Promise<Fetched> {
  const { partial } = options;
  try {
    using target = await Deno.open(partial, {
      read: true,
      write: true,
      create: true,
      mode: PROGRAM,
    });
    const fetched = await fillIn(target, options);
    if (Deno.build.os !== "windows") await Deno.chmod(partial, PROGRAM);
    await target.sync();
    return fetched;
  } catch (error) {
    if (error instanceof PiriError) throw error;
    throw diskError(`write "${partial}"`, error);
  }
}

async function fillIn(
  target: Deno.FsFile,
  options: FetchOptions,
): Promise<Fetched> {
  const { manifest: { pieceBytes }, file, source, like, progress } = options;
  using own = await Deno.open(like);
  const whole = createHash("sha256");
  const counts = { fetched: 0, reused: 0 };
  const ahead: Promise<Piece>[] = [];
  const pieceAt = async (index: number): Promise<Piece> => {
    const offset = index * pieceBytes;
    const length = Math.min(pieceBytes, file.size - offset);
    const bytes = await source.read(file.name, { offset, length });
    return { bytes, isOwn: false };
  };
  const at = { next: 0 };
  const prepare = async (): Promise<void> => {
    const index = at.next++;
    const offset = index * pieceBytes;
    const length = Math.min(pieceBytes, file.size - offset);
    const wanted = file.pieces[index] ?? "";
    // One after the other: both files have one position only.
    const local = await sameIn(target, { offset, length, wanted }) ??
      await sameIn(own, { offset, length, wanted });
    const piece = local === undefined
      ? pieceAt(index)
      : Promise.resolve({ bytes: local, isOwn: true });
    // It is awaited in its turn; a failure before that must not count as unhandled.
    piece.catch(() => {});
    ahead.push(piece);
  };
  for (let index = 0; index < file.pieces.length; index++) {
    while (ahead.length < AHEAD && at.next < file.pieces.length) {
      await prepare();
    }
    const { bytes, isOwn } = await ahead.shift() ?? NO_PIECE;
    if (!isOwn && hashOf(bytes) !== file.pieces[index]) throw changed(file);
    whole.update(bytes);
    await writeAt(target, bytes, index * pieceBytes);
    counts[isOwn ? "reused" : "fetched"] += bytes.length;
    progress(counts.fetched + counts.reused, file.size);
  }
  await target.truncate(file.size);
  if (whole.digest("hex") !== file.sha256) throw changed(file);
  return counts;
}

interface Piece {
  readonly bytes: Uint8Array;
  /** True if it was on the host. */
  readonly isOwn: boolean;
}

const NO_PIECE: Piece = { bytes: new Uint8Array(), isOwn: false };

/** Piece of a file at this place; undefined if the file has another one there. */
async function sameIn(
  file: Deno.FsFile,
  { offset, length, wanted }: {
    readonly offset: number;
    readonly length: number;
    readonly wanted: string;
  },
): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  await file.seek(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < length;) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) return undefined;
    filled += count;
  }
  return hashOf(bytes) === wanted ? bytes : undefined;
}

async function writeAt(
  file: Deno.FsFile,
  bytes: Uint8Array,
  offset: number,
): Promise<void> {
  await file.seek(offset, Deno.SeekMode.Start);
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function changed({ name }: ManifestFile): PiriError {
  return new PiriError(
    "CORRUPT",
    `Cannot fetch "${name}": its bytes are not those that the manifest names`,
  );
}
