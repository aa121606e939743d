import { stepHost } from "../../../lib/operations/step_host.ts";
import { apply, plan } from "../../../lib/steps/engine/engine.ts";
import { Owed } from "../../../lib/steps/engine/owed.ts";
import type { StepRecord } from "../../../lib/steps/engine/records.ts";
import { stepOperations } from "../../../lib/steps/registry.ts";
import type { Sheet } from "../../../lib/steps/sheet.ts";
import { newContext } from "../../operations/support.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";
import type { RootReport, RootRun } from "./real_root.ts";
import { stampsOf, writtenIn } from "./upper_layer.ts";

// Plans and applies the sheet of its standard input twice, in the root that it was started in, and prints what came of it.
const { sheet, layers, serve } = JSON.parse(
  await new Response(Deno.stdin.readable).text(),
);

async function run(kind: typeof plan, sheet: Sheet): Promise<RootRun> {
  const steps: StepRecord[] = [];
  const output: string[] = [];
  const { message } = await kind(sheet, {
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
  return { message, steps, output: output.join("") };
}

if (serve !== undefined) {
  Deno.serve(
    { hostname: "127.0.0.1", port: 8000, onListen() {} },
    (request) => {
      const { pathname } = new URL(request.url);
      return new Response(Deno.readFileSync(`${serve}${pathname}`), {
        headers: { ETag: '"1"' },
      });
    },
  );
}
const planned = await run(plan, sheet);
const writtenByPlan = writtenIn(layers);
const applied = await run(apply, sheet);
const writtenByApply = writtenIn(layers);
const stamps = stampsOf(layers);
const plannedAgain = await run(plan, sheet);
const appliedAgain = await run(apply, sheet);
const report: Omit<RootReport, "seen"> = {
  planned,
  applied,
  plannedAgain,
  appliedAgain,
  writtenByPlan,
  writtenByApply,
  movedAgain: stampsOf(layers).filter((each) => !stamps.includes(each)),
};
await Deno.stdout.write(
  new TextEncoder().encode(`${JSON.stringify(report)}\n`),
);
Deno.exit(0);
