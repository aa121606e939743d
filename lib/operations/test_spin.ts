import * as v from "valibot";
import { systemClock } from "../base/clock.ts";
import type { Operation } from "./operation.ts";

const parameters = v.strictObject({
  seconds: v.pipe(
    v.number(),
    v.minValue(0),
    v.description("How long"),
  ),
});

/** Keeps a core busy and does not return to its event loop, as careless code would. */
export const testSpin: Operation<typeof parameters> = {
  name: "test.Spin",
  description: "Burns a core without a pause",
  parameters,
  acts: false,
  forTests: true,
  // deno-lint-ignore require-yield
  async *run({ seconds }, { stopRequested }) {
    const end = systemClock.monotonic() + seconds * 1_000;
    while (systemClock.monotonic() < end) {
      if (stopRequested()) {
        return { success: false, changed: false, message: "Stopped early" };
      }
    }
    return { success: true, changed: false };
  },
};
