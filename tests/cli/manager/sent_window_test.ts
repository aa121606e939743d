import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { SentWindow } from "../../../lib/cli/manager/sent_window.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { inputOf } from "../../../lib/cli/input_file.ts";

const MIB = 1_048_576;

Deno.test("a window yields the input in order, and no more than 4 MiB at a time", async () => {
  const { window, read } = windowOf(9 * MIB);
  const sizes: number[] = [];
  const bytes: number[] = [];
  while (await window.hasMore()) {
    const parts = await Array.fromAsync(window.from(window.start));
    for (const part of parts) bytes.push(part[0] ?? -1);
    sizes.push(parts.reduce((sum, { length }) => sum + length, 0));
    window.clear();
  }

  assertEquals(sizes, [4 * MIB, 4 * MIB, MIB]);
  // Each block of 256 KiB begins with its number.
  assertEquals(bytes, Array.from({ length: 36 }, (_, i) => i));
  assertEquals(read(), 9 * MIB);
});

Deno.test("a window yields again what the Manager does not have", async () => {
  const { window, read } = windowOf(3 * MIB);
  await window.hasMore();
  const before = await lengthOf(window, 0);
  const again = await lengthOf(window, MIB);

  assertEquals([before, again, window.start], [3 * MIB, 2 * MIB, 0]);
  assertEquals(read(), 3 * MIB);
});

Deno.test("a request ends when the input is silent for 2 s, and the next one has what follows", async () => {
  const clock = new FakeClock();
  const next = Promise.withResolvers<void>();
  const { window } = windowOf(MIB, {
    clock,
    before: (block) => block === 2 ? next.promise : undefined,
  });
  await window.hasMore();
  const first = lengthOf(window, 0);
  await clock.advance(2_000);
  const sent = await first;
  window.clear();
  next.resolve();
  await window.hasMore();
  const rest = await lengthOf(window, window.start);

  assertEquals([sent, rest, window.start], [MIB / 2, MIB / 2, MIB / 2]);
});

Deno.test("a failure to read is told once all before it is sent, each time", async () => {
  const { window } = windowOf(MIB, {
    before: (block) => {
      if (block === 3) throw new Deno.errors.PermissionDenied();
    },
  });
  await window.hasMore();
  const sent = await lengthOf(window, 0);
  window.clear();
  const failure = () =>
    assertRejects(() => window.hasMore(), PiriError, "Cannot read");

  assertEquals(sent, 3 * MIB / 4);
  await failure();
  await failure();
});

Deno.test("a window of an empty input has nothing", async () => {
  assertEquals(await windowOf(0).window.hasMore(), false);
});

/** Window of an input whose blocks of 256 KiB begin with their number. */
function windowOf(
  size: number,
  { clock = new FakeClock(), before = () => {} }: {
    clock?: FakeClock;
    before?: (block: number) => void | Promise<void>;
  } = {},
): { window: SentWindow; read: () => number } {
  const block = 262_144;
  let at = 0;
  const input = inputOf({
    async read(buffer) {
      const number = Math.floor(at / block);
      await before(number);
      const count = Math.min(buffer.length, size - at);
      if (count === 0) return null;
      buffer.subarray(0, count).fill(number);
      at += count;
      return count;
    },
  }, { path: "input", size });
  let read = 0;
  const onRead = (bytes: Uint8Array) => void (read += bytes.length);
  return { window: new SentWindow(input, { clock, onRead }), read: () => read };
}

async function lengthOf(window: SentWindow, offset: number): Promise<number> {
  let length = 0;
  for await (const part of window.from(offset)) length += part.length;
  return length;
}
