import type { Forecast } from "./step_operation.ts";

/** Forecast of a change: nothing is ahead of it. */
export const NO_FORECAST: Forecast = {
  step: 0,
  opaque: undefined,
  changed: () => false,
  nameOf: String,
  named: () => undefined,
};
