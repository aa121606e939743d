import { assertEquals } from "@std/assert";
import { Handoff } from "../../lib/operations/handoff.ts";

Deno.test("a giver waits until its item was taken", async () => {
  const handoff = new Handoff<string>();
  const order: string[] = [];
  const given = handoff.give("a").then(() => order.push("given"));
  await Promise.resolve();
  order.push("before");
  assertEquals(await handoff.take(), "a");
  await given;
  assertEquals(order, ["before", "given"]);
});

Deno.test("items of several givers come in the order of giving", async () => {
  const handoff = new Handoff<number>();
  const waiting = handoff.take();
  handoff.give(1);
  handoff.give(2);
  handoff.give(3);
  assertEquals(
    [await waiting, await handoff.take(), await handoff.take()],
    [1, 2, 3],
  );
});

Deno.test("closing lets givers and the taker go on", async () => {
  const handoff = new Handoff<number>();
  const given = handoff.give(1);
  handoff.close();
  await given;
  await handoff.give(2);
  assertEquals(await handoff.take(), undefined);
  const other = new Handoff<number>();
  const waiting = other.take();
  other.close();
  assertEquals(await waiting, undefined);
});
