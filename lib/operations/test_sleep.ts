import * as v from "valibot";
import { sleep, systemClock } from "../base/clock.ts";
import type { Operation } from "./operation.ts";

const parameters = v.strictObject({
  seconds: v.pipe(
    v.number(),
    v.minValue(0),
    v.description("How long"),
  ),
});

/** Waits, and reports progress every second. */
export const testSleep: Operation<typeof parameters> = {
  name: "test.Sleep",
  description: "Waits, with a progress every second",
  parameters,
  acts: false,
  waits: true,
  forTests: true,
  async *run({ seconds }, { signal }) {
    const total = Math.ceil(seconds);
    for (let current = 0; current < total; current++) {
      yield { kind: "progress", current, total };
      const rest = (seconds - current) * 1_000;
      await sleep(systemClock, Math.min(1_000, rest), signal);
      if (signal.aborted) {
        return { success: false, changed: false, message: "Stopped early" };
      }
    }
    yield { kind: "progress", current: total, total };
    return { success: true, changed: false };
  },
};
