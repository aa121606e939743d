import { type Clock, sleep } from "../base/clock.ts";
import type { TreeFile } from "../files/tree.ts";
import type { TreeWriter } from "../files/tree_writer.ts";
import { byteProgress } from "./byte_progress.ts";
import type { OperationEvent } from "./operation.ts";

/** Number of files that are written at the same time: small ones would otherwise wait for one answer after the other. */
const AT_ONCE = 8;

/** Time between two reports of progress, in milliseconds. */
const PROGRESS_MS = 250;

/** Means of writing files. */
export interface WriteFilesOptions {
  /** Content of a file from an offset on. */
  readonly contentOf: (
    file: TreeFile,
    offset: number,
  ) => AsyncIterable<Uint8Array>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Writes files, several at a time, and yields the progress in bytes.
 *
 * @throws the first error, once no file is being written any more
 */
export async function* writeFiles(
  writer: TreeWriter,
  files: readonly TreeFile[],
  { contentOf, clock, signal }: WriteFilesOptions,
): AsyncGenerator<OperationEvent> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const running = new Set<Promise<void>>();
  const waiting = files.values();
  let written = 0;
  let failure: { readonly error: unknown } | undefined;
  let toldAt = clock.monotonic();
  const start = (file: TreeFile) => {
    const offset = writer.partOf(file);
    written += offset;
    const pieces = contentOf(file, offset);
    const content = counting(pieces, (bytes) => written += bytes);
    const done = writer.write(file, content, offset)
      .catch((error) => void (failure ??= { error }))
      .finally(() => running.delete(done));
    running.add(done);
  };
  for (;;) {
    while (running.size < AT_ONCE && failure === undefined) {
      const { value: file } = waiting.next();
      if (file === undefined) break;
      start(file);
    }
    if (running.size === 0) break;
    const tick = new AbortController();
    await Promise.race([...running, sleep(clock, PROGRESS_MS, tick.signal)]);
    tick.abort();
    if (clock.monotonic() - toldAt < PROGRESS_MS || signal.aborted) continue;
    toldAt = clock.monotonic();
    yield byteProgress(written, total);
  }
  if (failure !== undefined) throw failure.error;
  if (total > 0) yield byteProgress(total, total);
}

async function* counting(
  pieces: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    yield piece;
    onBytes(piece.length);
  }
}
