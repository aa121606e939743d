import type { SheetStep } from "../../lib/steps/sheet.ts";
import type { StepOperation } from "../../lib/steps/step_operation.ts";
import { FakeHost } from "./fake_host.ts";
import { FakeSystemd, type FakeUnit } from "./fake_systemd.ts";
import { applyOn, planOn, type Ran, sheetOf, type TestRun } from "./runs.ts";

/** Step of a test. */
export type Step = Partial<SheetStep> & Pick<SheetStep, "operation">;

/** Host of a test with services. */
export interface ServiceHost {
  readonly systemd: FakeSystemd;
  readonly host: FakeHost;
  apply(steps: readonly Step[], options?: TestRun): Promise<Ran>;
  plan(...steps: readonly Step[]): Promise<Ran>;
}

/** Host with a systemd that has these units. */
export function hostWith(
  units: Readonly<Record<string, FakeUnit>>,
  operations?: readonly StepOperation[],
): ServiceHost {
  const systemd = new FakeSystemd(units);
  const host = new FakeHost(systemd.tree, undefined, systemd.programs);
  const known = operations === undefined ? {} : { operations };
  const apply = (steps: readonly Step[], options?: TestRun) =>
    withTime(host, applyOn(host, sheetOf(...steps), { ...known, ...options }));
  return {
    systemd,
    host,
    apply,
    plan: (...steps: readonly Step[]) => planOn(host, sheetOf(...steps), known),
  };
}

/** Lets the time of a host pass until a run is over. */
export async function withTime(
  host: FakeHost,
  run: Promise<Ran>,
): Promise<Ran> {
  let isOver = false;
  const over = run.finally(() => isOver = true);
  while (!isOver) await host.clock.advance(1_000);
  return await over;
}

/** Step that wants a service to run. */
export function running(name: string, more: SheetStep["params"] = {}): Step {
  return { operation: "service.Running", params: { name, ...more } };
}

/** Findings about steps in short: an error, or the verdict, the changes and the reason. */
export function lines({ steps }: Ran): unknown[] {
  return steps.map(({ verdict, changes, reason, error }) =>
    error?.message ?? [
      verdict,
      ...changes.map(({ what, from, to }) =>
        [what, from, to].filter((part) => part !== undefined).join(" ")
      ),
      ...reason === undefined ? [] : [reason],
    ]
  );
}
