import { assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { PiriError } from "../../lib/base/errors.ts";
import { blobPieces } from "../../lib/operations/blob_reader.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { floodBytes } from "../support/program.ts";
import { blobOf } from "./support.ts";

const MEGABYTE = 1_048_576;

/** All bytes of a blob. */
async function readAll(
  pieces: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const hash = createHash("sha256");
  for await (const piece of pieces) hash.update(piece);
  return new Uint8Array(hash.digest());
}

for (const size of [0, 1, 65_440, 65_441, 3 * MEGABYTE]) {
  Deno.test(`a blob of ${size} bytes is read byte for byte`, async () => {
    const bytes = floodBytes(size);
    const blob = blobOf(bytes);
    const { signal } = new AbortController();
    const hash = await readAll(blobPieces(blob.sha256, { ...blob, signal }));

    assertEquals(
      new Uint8Array(createHash("sha256").update(bytes).digest()),
      hash,
    );
  });
}

Deno.test("at most 1 MiB is requested ahead, however slowly it is read", async () => {
  const blob = blobOf(floodBytes(5 * MEGABYTE));
  const { signal } = new AbortController();
  let most = 0;
  const onAhead = (bytes: number) => most = Math.max(most, bytes);
  let read = 0;
  for await (
    const { length } of blobPieces(blob.sha256, { ...blob, signal, onAhead })
  ) {
    read += length;
    await new FakeClock().settle();
    assertLessOrEqual(blob.served - read, MEGABYTE);
  }

  assertLessOrEqual(most, MEGABYTE);
  assertEquals(read, 5 * MEGABYTE);
});

Deno.test("a short blob takes one request", async () => {
  const blob = blobOf(floodBytes(100));
  const { signal } = new AbortController();
  await readAll(blobPieces(blob.sha256, { ...blob, signal }));

  assertEquals(blob.requests, 1);
});

Deno.test("reading waits while the connection is down, and goes on at the same byte", async () => {
  const bytes = floodBytes(2 * MEGABYTE);
  const blob = blobOf(bytes);
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const pieces = blobPieces(blob.sha256, { ...blob, signal, clock });
  const hash = createHash("sha256").update((await pieces.next()).value ?? "");
  blob.refuse = new PiriError("UNAVAILABLE", "Cannot: the link is down");
  const rest = (async () => {
    for await (const piece of pieces) hash.update(piece);
  })();
  await clock.advance(60_000);
  blob.refuse = undefined;
  await clock.advance(1_000);
  await rest;

  assertEquals(hash.digest("hex"), blob.sha256);
});

Deno.test("a cancel ends the wait for a connection", async () => {
  const blob = blobOf(floodBytes(10));
  const clock = new FakeClock();
  const stop = new AbortController();
  blob.refuse = new PiriError("UNAVAILABLE", "Cannot: the link is down");
  const { signal } = stop;
  const reading = readAll(blobPieces(blob.sha256, { ...blob, signal, clock }));
  const ended = assertRejects(() => reading, PiriError, "was cancelled");
  await clock.advance(10_000);
  stop.abort();

  await ended;
});

Deno.test("a blob that is gone, or has other bytes, is an error", async () => {
  const blob = blobOf(floodBytes(10));
  const { signal } = new AbortController();
  const other = { ...blob, sha256: "0".repeat(64) };
  await assertRejects(
    () => readAll(blobPieces(other.sha256, { ...other, signal })),
    PiriError,
    "the Manager sent other bytes",
  );
  blob.refuse = new PiriError("NOT_FOUND", "Cannot find the blob: gone");
  await assertRejects(
    () => readAll(blobPieces(blob.sha256, { ...blob, signal })),
    PiriError,
    "Cannot find the blob: gone",
  );
});
