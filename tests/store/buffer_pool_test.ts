import { assertEquals } from "@std/assert";
import { BufferPool } from "../../lib/store/buffer_pool.ts";
import { bytes } from "./support.ts";

const LARGE = 100_000;

Deno.test("joined bytes are in a buffer that was given back, and are only those", () => {
  const pool = new BufferPool();
  const first = pool.joined([bytes(LARGE, 1), bytes(LARGE, 2)]);
  pool.giveBack(first.buffer);

  const second = pool.joined([bytes(LARGE, 3), bytes(7, 4)]);

  assertEquals(second.buffer === first.buffer, true);
  assertEquals([second.length, second[0], second.at(-1)], [LARGE + 7, 3, 4]);
});

Deno.test("a buffer is used by one at a time", () => {
  const pool = new BufferPool();
  const first = pool.joined([bytes(LARGE, 1)]);
  const other = pool.joined([bytes(LARGE, 2)]);

  assertEquals(first.buffer === other.buffer, false);
  assertEquals([first[0], other[0]], [1, 2]);
});

Deno.test("short and very long bytes have buffers of their own size", () => {
  const pool = new BufferPool();
  for (const size of [0, 1, 1_000, 300_000]) {
    const { buffer } = pool.joined([bytes(size, 5)]);
    assertEquals(buffer.byteLength, size);
    pool.giveBack(buffer);
    assertEquals(pool.joined([bytes(size, 6)]).buffer === buffer, false);
  }
});

Deno.test("a limited number of buffers waits to be used again", () => {
  const pool = new BufferPool();
  const used = Array.from(
    { length: 40 },
    () => pool.joined([bytes(LARGE)]).buffer,
  );
  for (const buffer of used) pool.giveBack(buffer);

  const again = used.map(() => pool.joined([bytes(LARGE)]).buffer);

  assertEquals(again.filter((buffer) => used.includes(buffer)).length, 16);
});
