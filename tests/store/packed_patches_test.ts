import { assertEquals } from "@std/assert";
import { packCalls, unpackCalls } from "../../lib/store/packed_patches.ts";
import type { StoreCall } from "../../lib/store/thread_protocol.ts";

Deno.test("packed calls are the same calls in the same order after a copy between threads", () => {
  const calls = [
    patch(1, { id: 1n, state: "running", startedAt: 5 }),
    patch(2, { id: 2n, state: "running", startedAt: 6 }),
    { id: 3, method: "command", args: [1n] },
    patch(4, { id: 1n, state: "failed", data: undefined }),
    patch(5, { id: 2n, state: "failed", data: "{}" }),
    patch(6, { state: "failed", data: "{}", id: 3n }),
    patch(7, { id: 3n, stdoutSha256: new Uint8Array([1]), reapedAlive: [7] }),
    patch(8, { id: 4n, stdoutSha256: null, reapedAlive: [] }),
  ] satisfies StoreCall[];

  const sent = structuredClone(packCalls(calls));

  assertEquals(unpackCalls(sent), calls);
  assertEquals(sent.length, 5);
});

Deno.test("packed patches carry a value that all share only once", () => {
  const reason = "x".repeat(10_000);
  const calls = Array.from(
    { length: 100 },
    (_, index) => patch(index, { id: BigInt(index), reason }),
  );

  const [sent, ...others] = packCalls(calls);

  assertEquals(others, []);
  assertEquals(sent !== undefined && "own" in sent && sent.own, ["id"]);
});

Deno.test("a patch with an entry of the audit is not packed", () => {
  const calls: StoreCall[] = [
    patch(1, { id: 1n, state: "cancelled" }),
    { id: 2, method: "patchCommand", args: [{ id: 2n, state: "x" }, {}] },
    patch(3, { id: 3n, state: "cancelled" }),
  ];

  assertEquals(packCalls(calls), calls);
});

Deno.test("no calls are packed to no calls", () => {
  assertEquals(packCalls([]), []);
  assertEquals(unpackCalls([]), []);
});

function patch(id: number, fields: Record<string, unknown>): StoreCall {
  return { id, method: "patchCommand", args: [fields] };
}
