import { stepHost } from "../../../lib/operations/step_host.ts";
import { apply, plan } from "../../../lib/steps/engine/engine.ts";
import { Owed } from "../../../lib/steps/engine/owed.ts";
import type { StepRecord } from "../../../lib/steps/engine/records.ts";
import { stepOperations } from "../../../lib/steps/registry.ts";
import { newContext } from "../../operations/support.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";

// Runs the sheet of its standard input in the root that it was started in, and prints the records.
const sheet = JSON.parse(await new Response(Deno.stdin.readable).text());
const steps: StepRecord[] = [];
const output: string[] = [];
const run = Deno.args[0] === "plan" ? plan : apply;
const { message } = await run(sheet, {
  operations: stepOperations,
  host: stepHost(newContext()),
  owed: await Owed.load(new MemoryDisk()),
  clock: new FakeClock(),
  signal: new AbortController().signal,
  sink: {
    record: (record) => {
      if (record.kind === "step") steps.push(record);
      if (record.kind === "output") output.push(record.text);
      return Promise.resolve();
    },
    progress() {},
  },
});
const report = JSON.stringify({ message, steps, output: output.join("") });
await Deno.stdout.write(new TextEncoder().encode(`${report}\n`));
Deno.exit(0);
