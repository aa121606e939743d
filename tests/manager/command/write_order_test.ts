import { assertEquals } from "@std/assert";
import { WriteOrder } from "../../../lib/manager/command/write_order.ts";

/** An order, with the names of its writes so far. */
function orderOf() {
  const order = new WriteOrder();
  const written: string[] = [];
  const add = (what: string, recorded?: Promise<unknown>) =>
    order.add(() => written.push(what), recorded);
  return { add, written };
}

Deno.test("a write that needs no record, with none before it, happens at once", () => {
  const { add, written } = orderOf();
  add("one");
  add("two");
  assertEquals(written, ["one", "two"]);
});

Deno.test("a later write waits for the records of earlier ones", async () => {
  const { add, written } = orderOf();
  const one = Promise.withResolvers<void>();
  const two = Promise.withResolvers<void>();
  add("one", one.promise);
  add("two", two.promise);
  add("three");
  two.resolve();
  await two.promise;
  assertEquals(written, []);
  one.resolve();
  await one.promise;
  assertEquals(written, ["one", "two", "three"]);
});

Deno.test("writes that are recorded together happen together", async () => {
  const { add, written } = orderOf();
  const commit = Promise.withResolvers<void>();
  for (let count = 0; count < 3; count++) add(`${count}`, commit.promise);
  commit.resolve();
  await commit.promise;
  assertEquals(written, ["0", "1", "2"]);
});

Deno.test("a write that cannot be recorded does not happen, and holds nothing back", async () => {
  const { add, written } = orderOf();
  const failing = Promise.withResolvers<void>();
  add("one", failing.promise);
  add("two");
  failing.reject(new Error("no space is left"));
  await failing.promise.catch(() => {});
  assertEquals(written, ["two"]);
});
