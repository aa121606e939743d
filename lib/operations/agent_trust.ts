import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import type { Operation } from "./operation.ts";

const parameters = v.strictObject({
  statement: v.pipe(
    v.string(),
    v.description("keys to trust from now on: JSON, as the Manager signed it"),
  ),
  signature: v.pipe(
    v.string(),
    v.description("signature of the Manager's key, in base64"),
  ),
});

/** Tells the agent which keys to trust. The agent itself takes them: a worker has no keys. */
export const agentTrust: Operation<typeof parameters> = {
  name: "agent.Trust",
  description:
    "Tells the agent which keys of its Manager and authority to trust, signed by one that it trusts",
  parameters,
  // The host stays as it is: only keys of the agent itself change.
  acts: false,
  run() {
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot trust other keys: this agent has no key",
    );
  },
};
