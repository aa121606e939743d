import { fingerprintOf } from "../fingerprint.ts";
import { stepOperation } from "../step_operation.ts";

/** Says a text. */
export const echoStep = stepOperation({
  name: "echo.Echo",
  description: "Says a text, and does nothing else",
  subject: "text",
  looks: true,
  parameters: {
    text: { type: "text", required: true, description: "Text to say" },
  },
  // deno-lint-ignore require-await
  async check({ text }) {
    return {
      verdict: "ok",
      changes: [],
      fingerprint: fingerprintOf("said"),
      reason: text,
    };
  },
  async change() {},
});
