import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { IdJumps } from "../../../lib/manager/admission/id_jumps.ts";

/** Store that counts how often it is asked for its last id. */
function storeWith(lastId: bigint) {
  return {
    asked: 0,
    lastCommandId(): Promise<bigint> {
      this.asked++;
      return Promise.resolve(lastId);
    },
  };
}

async function follow(
  jumps: IdJumps,
  id: bigint,
  store: ReturnType<typeof storeWith>,
): Promise<void> {
  jumps.follow(id, await jumps.lastFor(id, store));
}

Deno.test("the last id is read only for an id that is above all known ones", async () => {
  const jumps = new IdJumps();
  const store = storeWith(100n);

  for (const id of [0n, 40n, 100n, 7n]) await follow(jumps, id, store);
  assertEquals(store.asked, 1);
  for (const id of [101n, 101n, 100n]) await follow(jumps, id, store);
  assertEquals(store.asked, 2);
});

Deno.test("jumps above the last id are limited in sum, and are counted once", async () => {
  const jumps = new IdJumps();
  const store = storeWith(100n);
  const half = 2n ** 31n;

  await follow(jumps, 100n + half, store);
  await follow(jumps, 100n + half, store);
  await follow(jumps, 100n + 2n * half, store);
  const error = assertThrows(
    () => jumps.follow(101n + 2n * half, 100n),
    PiriError,
  );

  assertEquals(error.code, "PROTOCOL_VIOLATION");
  // The refused one changes nothing.
  jumps.follow(100n + 2n * half, 100n);
});

Deno.test("a last id that cannot be read fails the hello that needs it, and no other", async () => {
  const jumps = new IdJumps();
  const store = {
    lastCommandId: () => Promise.reject(new PiriError("DISK", "Cannot read")),
  };

  const failed = jumps.lastFor(5n, store);
  assertEquals(jumps.lastFor(0n, store), undefined);
  const code = await failed?.then(() => "", (error) => error.code);

  assertEquals(code, "DISK");
});
