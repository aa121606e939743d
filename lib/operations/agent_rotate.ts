import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import type { Operation } from "./operation.ts";

const parameters = v.strictObject({});

/** Makes a new key for the agent. The agent itself does so: a worker has no keys. */
export const agentRotate: Operation<typeof parameters> = {
  name: "agent.Rotate",
  description:
    "Makes a new key for the agent; the old one is good until it connects with the new one",
  parameters,
  // The host stays as it is: only keys of the agent itself change.
  acts: false,
  run() {
    throw new PiriError("UNSUPPORTED", "Cannot rotate: this agent has no key");
  },
};
