import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import type { Operation } from "./operation.ts";

const parameters = v.strictObject({
  when: v.pipe(
    v.optional(v.picklist(["idle", "now"]), "idle"),
    v.description(
      '"idle" waits until no command runs and all results are delivered; "now" ends the commands that run',
    ),
  ),
  withinMs: v.pipe(
    v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
    v.description(
      "longest wait until the agent is idle, in milliseconds: then it does not restart; no limit if absent",
    ),
  ),
});

/** Restarts the agent. The agent itself does so, after the result of this command: a worker cannot. */
export const agentRestart: Operation<typeof parameters> = {
  name: "agent.Restart",
  description:
    "Lets the agent restart once it has delivered this result, by default when no other command runs",
  parameters,
  acts: true,
  run() {
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot restart: this program is not an agent that a service manager starts",
    );
  },
};
