import { assertEquals } from "@std/assert";
import { startStore } from "./support.ts";

Deno.test("events are numbered and read from either end, oldest first", async () => {
  await using at = await startStore();
  const added = await Promise.all([1, 2, 3, 4].map((n) =>
    at.store.addEvent({
      at: n + 0.5,
      kind: "agent_connected",
      agent: "web-1",
      commandId: n === 1 ? null : 2n ** 62n,
      message: `event ${n}`,
    })
  ));
  const [first, second, third, fourth] = added;

  assertEquals(await at.store.events({ tail: 9 }), added);
  assertEquals(await at.store.events({ tail: 2 }), [third, fourth]);
  assertEquals(await at.store.events({ tail: 0 }), []);
  assertEquals(
    await at.store.events({ afterId: first?.id ?? 0n, limit: 2 }),
    [second, third],
  );
  assertEquals(await at.store.events({ afterId: 4n, limit: 2 }), []);
});
