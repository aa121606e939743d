import { assertEquals, assertRejects } from "@std/assert";
import type { NewDelivery } from "../../lib/store/delivery_records.ts";
import { open, startStore, temporaryFolder } from "./support.ts";

const ENDED: NewDelivery = {
  hook: "one",
  event: "job.ended",
  subject: "1",
  at: 5,
};

const AWAY: NewDelivery = {
  hook: "one",
  event: "agent.away",
  subject: "web-1",
  at: 7,
  connectedAt: 3,
};

Deno.test("deliveries that webhooks have yet to make are there after a restart, with their attempts", async () => {
  await using folder = await temporaryFolder();
  const before = await open(folder.database);
  const [ended, away] = await before.changeDeliveries({
    kind: "add",
    deliveries: [ENDED, AWAY, { ...ENDED, subject: "2" }],
  });
  await before.changeDeliveries({ kind: "end", id: ended?.id ?? 0n });
  await before.changeDeliveries({
    kind: "retry",
    id: away?.id ?? 0n,
    tries: 2,
    nextAt: 99.5,
  });
  await before[Symbol.asyncDispose]();
  await using after = await open(folder.database);

  const { deliveries } = await after.deliveries();
  assertEquals(deliveries.map(({ id: _, ...rest }) => rest), [
    {
      hook: "one",
      event: "agent.away",
      subject: "web-1",
      at: 7,
      tries: 2,
      nextAt: 99,
    },
    {
      hook: "one",
      event: "job.ended",
      subject: "2",
      at: 5,
      tries: 0,
      nextAt: 5,
    },
  ]);
});

Deno.test("an absence is added once for each webhook, and the next absence again", async () => {
  await using at = await startStore();
  const { store } = at;
  const add = async (...deliveries: NewDelivery[]) =>
    (await store.changeDeliveries({ kind: "add", deliveries }))
      .map(({ hook, subject }) => `${hook} ${subject}`);

  assertEquals(await add(AWAY, AWAY, { ...AWAY, hook: "two" }), [
    "one web-1",
    "two web-1",
  ]);
  assertEquals(await add(AWAY), []);
  assertEquals(await add({ ...AWAY, connectedAt: 4 }), ["one web-1"]);
});

Deno.test("webhooks that are no longer there are forgotten", async () => {
  await using at = await startStore();
  const { store } = at;
  await store.changeDeliveries({
    kind: "add",
    deliveries: [ENDED, { ...ENDED, hook: "two" }, { ...AWAY, hook: "three" }],
  });
  assertEquals((await store.deliveries()).hooks, ["one", "three", "two"]);
  await store.changeDeliveries({ kind: "keep", hooks: ["two"] });

  const { hooks, deliveries } = await store.deliveries();
  assertEquals([hooks, deliveries.map(({ hook }) => hook)], [["two"], ["two"]]);
  await store.changeDeliveries({ kind: "keep", hooks: [] });
  assertEquals(await store.deliveries(), { hooks: [], deliveries: [] });
});

Deno.test("a job whose change is not recorded makes no delivery", async () => {
  await using at = await startStore();
  const { store } = at;

  await assertRejects(() =>
    store.patchJob({ id: 9n, state: "failed" }, undefined, [ENDED])
  );
  assertEquals((await store.deliveries()).deliveries, []);
});
