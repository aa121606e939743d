import { createHash } from "node:crypto";
import { type Clock, systemClock } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { releaseWhole } from "../base/memory.ts";
import { joint } from "../base/signals.ts";
import { Limits } from "../base/limits.ts";
import type { OperationContext } from "./operation.ts";
import { patiently } from "./patiently.ts";
import { MAX_AHEAD, PiecesAhead, type Range } from "./pieces_ahead.ts";

/** Means of reading a blob. */
export interface BlobSource {
  readonly data: Pick<OperationContext["data"], "bytes">;
  /** Aborted when the command must end. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** First byte to read: 0 by default. The hash is checked only of a whole blob. */
  readonly from?: number;
  /** True if the reader checks the bytes itself, and keeps no piece once it asks for the next: each is freed then. */
  readonly isPassedOn?: boolean;
  /** Called with the count of bytes that are requested or wait to be used. */
  readonly onAhead?: (bytes: number) => void;
}

/**
 * Reads a blob of the Manager in pieces. The next ones are requested while one is used, at most 1 MiB. While the
 * connection is down it waits, and goes on where it was.
 *
 * The pieces belong to the caller, each with its whole buffer. Leaving early is fine.
 *
 * @throws {PiriError} NOT_FOUND, DENIED and others with the Manager's reason; CORRUPT if the bytes are not those of the
 * hash; CANCELLED
 */
export async function* blobPieces(
  sha256: string,
  {
    data,
    signal,
    clock = systemClock,
    from = 0,
    isPassedOn = false,
    onAhead,
  }: BlobSource,
): AsyncGenerator<Uint8Array> {
  const left = new AbortController();
  using end = joint([signal, left.signal]);
  const pieces = new PiecesAhead(rangesFrom(from), (range) =>
    patiently(
      () => data.bytes("blob", { sha256, ...range }),
      { what: "a blob", signal: end.signal, clock },
    ));
  const isChecked = from === 0 && !isPassedOn;
  const hash = createHash("sha256");
  // A short blob is one request.
  let ahead = 1;
  try {
    for (;;) {
      pieces.ask(ahead);
      onAhead?.(pieces.count * Limits.piece);
      const bytes = await pieces.take()?.answer ?? new Uint8Array();
      if (isChecked) hash.update(bytes);
      const isLast = bytes.length < Limits.piece;
      if (bytes.length > 0) yield bytes;
      if (isPassedOn) releaseWhole(bytes);
      if (isLast) break;
      ahead = Math.min(ahead * 2, MAX_AHEAD);
    }
  } finally {
    left.abort();
  }
  if (!isChecked || hash.digest("hex") === sha256) return;
  throw new PiriError(
    "CORRUPT",
    `Cannot read the blob ${sha256}: the Manager sent other bytes`,
  );
}

function* rangesFrom(from: number): Generator<Range> {
  for (let offset = from;; offset += Limits.piece) {
    yield { offset, length: Limits.piece };
  }
}
