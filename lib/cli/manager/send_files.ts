import { concat } from "@std/bytes/concat";
import { createHash } from "node:crypto";
import { PiriError } from "../../base/errors.ts";
import { openToRead } from "../../files/host_files.ts";
import { shownName } from "../../files/names.ts";
import { type TreeEntry, treeLines } from "../../files/tree.ts";
import { inputOf } from "../input_file.ts";
import { type Call, RetryingClient } from "./retrying_client.ts";
import type { TransferMeter } from "./transfer_meter.ts";
import { upload, type UploadContext } from "./upload.ts";

/** Largest file that is sent together with others, in bytes. */
const SMALL_BYTES = 65_536;

/** Most bytes of the files in one request. */
const BATCH_BYTES = 524_288;

/** Most files of one request. */
const BATCH_FILES = 1_000;

/** File to send: its content by hash, and where it is. */
export interface LocalFile {
  readonly sha256: string;
  readonly size: number;
  readonly path: string;
}

/** Sends to the Manager the files that it does not have, each content once. */
export async function sendFiles(
  files: readonly LocalFile[],
  meter: TransferMeter,
  context: UploadContext,
): Promise<void> {
  const client = new RetryingClient(context.connect, context.terminal);
  const call = <T>(call: Call<T>) =>
    client.call(call, {
      signal: context.signal,
      failure: (fact) =>
        new PiriError("UNAVAILABLE", `Cannot send the files: ${fact}`),
    });
  const contents = new Map(
    files.filter(({ size }) => size > 0).map((file) => [file.sha256, file]),
  );
  for (const hashes of slices([...contents.keys()], BATCH_FILES)) {
    const { known } = await call(({ blobs }, { signal }) =>
      blobs.findBlobs({ sha256: hashes }, { signal })
    );
    for (const hash of known) contents.delete(hash);
  }
  const missing = [...contents.values()];
  for (const { size } of missing) meter.expect(size);
  for (const batch of batches(missing.filter(isSmall))) {
    const contents = batch.map(readSmall);
    await call(({ blobs }, { signal }) =>
      blobs.addBlobs({ blobs: contents }, { signal })
    );
    meter.add(contents.reduce((sum, { length }) => sum + length, 0));
  }
  for (const file of missing) {
    if (!isSmall(file)) await sendLarge(file, meter, context);
  }
}

/** Sends the list of the files, and returns its SHA-256. */
export async function sendTree(
  entries: readonly TreeEntry[],
  context: UploadContext,
): Promise<string> {
  const encoder = new TextEncoder();
  const lines: Uint8Array[] = [];
  for (const line of treeLines(entries)) lines.push(encoder.encode(line));
  let left: Uint8Array = concat(lines);
  const read = (buffer: Uint8Array) => {
    const part = left.subarray(0, buffer.length);
    buffer.set(part);
    left = left.subarray(part.length);
    return Promise.resolve(part.length === 0 ? null : part.length);
  };
  const size = left.length;
  return await upload(inputOf({ read }, { path: "the list", size }), context);
}

async function sendLarge(
  { path, size, sha256 }: LocalFile,
  meter: TransferMeter,
  context: UploadContext,
): Promise<void> {
  using file = openToRead(path);
  let before = 0;
  await upload(inputOf(file, { path: shownName(path), size }), {
    ...context,
    sha256,
    onSent: (bytes) => {
      meter.add(bytes - before);
      before = bytes;
    },
  });
}

function readSmall({ path, sha256, size }: LocalFile): Uint8Array<ArrayBuffer> {
  using file = openToRead(path);
  const bytes = new Uint8Array(size);
  let filled = 0;
  while (filled < size) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (hash !== sha256) throw changed(path);
  return bytes;
}

function changed(path: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot send "${shownName(path)}": it was changed meanwhile`,
  );
}

function isSmall({ size }: LocalFile): boolean {
  return size <= SMALL_BYTES;
}

function* batches(files: readonly LocalFile[]): Generator<LocalFile[]> {
  let batch: LocalFile[] = [];
  let bytes = 0;
  for (const file of files) {
    const isFull = bytes + file.size > BATCH_BYTES ||
      batch.length >= BATCH_FILES;
    if (isFull) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(file);
    bytes += file.size;
  }
  if (batch.length > 0) yield batch;
}

function* slices<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < items.length; at += size) {
    yield items.slice(at, at + size);
  }
}
