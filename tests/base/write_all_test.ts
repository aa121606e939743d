import { assertEquals } from "@std/assert";
import { writeAll } from "../../lib/base/write_all.ts";

Deno.test("all bytes are written, however few a single write takes", async () => {
  const written: number[] = [];
  const to = {
    write(bytes: Uint8Array) {
      const count = Math.min(3, bytes.length);
      written.push(...bytes.subarray(0, count));
      return Promise.resolve(count);
    },
  };
  const bytes = Uint8Array.from({ length: 10 }, (_, index) => index);

  await writeAll(to, bytes);

  assertEquals(written, [...bytes]);
});
