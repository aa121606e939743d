import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { stepOperation } from "../step_operation.ts";

/** Fails unless something is so. */
export const assertThat = stepOperation({
  name: "assert.That",
  description: "Fails unless something is so; changes nothing",
  subject: "message",
  looks: true,
  oneOf: [["expr", "cmd"]],
  parameters: {
    expr: {
      type: "any",
      description: "Expression that must be true; the Manager decides it",
      decided: true,
    },
    cmd: {
      type: "text",
      description: "Line for the shell that only looks and must succeed",
    },
    message: { type: "text", description: "Words for people if it is not so" },
  },
  runsPrograms: ({ cmd }) => cmd !== undefined,
  async check({ expr, cmd, message }, reader) {
    const isSo = cmd === undefined
      ? expr === true
      : (await reader.look({ shell: cmd })).code === 0;
    if (isSo) {
      return { verdict: "ok", changes: [], fingerprint: fingerprintOf("so") };
    }
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot go on: ${
        message ??
          (cmd === undefined ? "the expression is not true" : `"${cmd}" fails`)
      }`,
    );
  },
  async change() {},
});
