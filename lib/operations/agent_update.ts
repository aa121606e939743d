import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import type { Operation } from "./operation.ts";

/** Longest time of each kind, in milliseconds: a day. */
const MAX_TIME_MS = 86_400_000;

function time(description: string) {
  return v.optional(v.pipe(
    v.number(),
    v.safeInteger(),
    v.minValue(1),
    v.maxValue(MAX_TIME_MS),
    v.description(description),
  ));
}

function flag(description: string) {
  return v.optional(v.pipe(v.boolean(), v.description(description)));
}

const parameters = v.strictObject({
  version: v.optional(v.pipe(
    v.string(),
    v.nonEmpty(),
    v.description("version to install, as the Manager's release list has it"),
  )),
  back: flag("true to go back to the version before, instead of a version"),
  allowDowngrade: flag("true to allow a version below the one that runs"),
  confirmMs: time(
    "time for which the new version has to stay connected; a minute by default",
  ),
  trialMs: time(
    "time after which an unconfirmed version is given up; by default two minutes and twice confirmMs",
  ),
  idleMs: time(
    "time to wait for running commands; by default they are ended",
  ),
});

/** Parameters of an update. */
export type UpdateParams = v.InferOutput<typeof parameters>;

/** Replaces the agent itself by another version. The agent does so itself: no worker outlives it. */
export const agentUpdate: Operation<typeof parameters> = {
  name: "agent.Update",
  description:
    "Replaces the agent by another version that a known key has signed, with a way back",
  parameters,
  acts: true,
  run() {
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot update: this agent cannot replace itself",
    );
  },
};
