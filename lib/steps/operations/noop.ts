import { fingerprintOf } from "../fingerprint.ts";
import { stepOperation } from "../step_operation.ts";

/** Does nothing. */
export const noop = stepOperation({
  name: "noop.Noop",
  description: "Does nothing, and counts as changed only if it is asked to",
  subject: "name",
  looks: true,
  parameters: {
    name: { type: "text", description: "Word for people" },
    changed: {
      type: "switch",
      description: "True to count as changed each time",
      standard: "false",
    },
  },
  // deno-lint-ignore require-await
  async check({ changed = false }) {
    return {
      verdict: changed ? "change" : "ok",
      changes: [],
      fingerprint: fingerprintOf(changed),
      after: "none",
    };
  },
  async change() {},
});
