import { assertEquals } from "@std/assert";
import { GatheredRecords } from "../../lib/operations/gathered_records.ts";
import type { OperationEvent } from "../../lib/operations/operation.ts";
import type { RunRecord } from "../../lib/steps/engine/records.ts";
import { FakeClock } from "../support/fake_clock.ts";

const SAME: RunRecord = {
  kind: "step",
  step: 0,
  name: "Same",
  operation: "file.Installed",
  verdict: "ok",
  changes: [],
};
const CHANGED: RunRecord = { ...SAME, verdict: "change", changed: true };
const BEGIN: RunRecord = { kind: "begin", step: 0, name: "Same" };

function gathered() {
  const clock = new FakeClock();
  const told: string[] = [];
  const records = new GatheredRecords(clock, (event) => {
    told.push(textOf(event));
    return Promise.resolve();
  });
  return { clock, told, records };
}

function textOf(event: OperationEvent): string {
  return event.kind === "progress"
    ? `${event.current}/${event.total} ${event.message}`
    : new TextDecoder().decode(event.bytes);
}

Deno.test("records of steps that changed nothing are told together, with the newest progress", async () => {
  const { told, records } = gathered();
  for (const step of [1, 2, 3]) {
    await records.add(SAME, `${step};`);
    records.progress(step, 9, `step ${step}`);
  }
  const before = told.length;
  await records.flush();
  await records.flush();

  assertEquals([before, told], [0, ["1;2;3;", "3/9 step 3"]]);
});

Deno.test("a record waits for others for 100 ms", async () => {
  const { clock, told, records } = gathered();
  await records.add(SAME, "1;");
  await clock.advance(60);
  await records.add(SAME, "2;");
  await clock.advance(39);
  const before = told.length;
  await clock.advance(1);

  assertEquals([before, told], [0, ["1;2;"]]);
});

Deno.test("every other record is told at once, after those that waited", async () => {
  for (const record of [CHANGED, BEGIN]) {
    const { told, records } = gathered();
    await records.add(SAME, "1;");
    await records.add(record, "2;");

    assertEquals(told, ["1;2;"], record.kind);
  }
});

Deno.test("records wait for others up to a size, and long ones are told by themselves", async () => {
  const { told, records } = gathered();
  const half = "x".repeat(20_000);
  await records.add(SAME, half);
  await records.add(SAME, half);
  const first = told.map((text) => text.length);
  await records.add(SAME, "y".repeat(100_000));
  await records.flush();

  assertEquals(first, [20_000]);
  assertEquals(told.map((text) => text.length), [20_000, 20_000, 100_000]);
});
