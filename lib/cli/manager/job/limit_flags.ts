import { JobOrder } from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type { JobLimitsInit } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../../base/errors.ts";
import type { Flags } from "../../command.ts";
import { requireShare, shareOf } from "./share.ts";

/** Longest times of a job, in milliseconds. */
const MAX_MS = 400 * 86_400_000;

/** Flags for the limits of a job. */
export const LIMIT_FLAGS = {
  batch: {
    type: "string",
    value: "N|N%",
    summary: "at most so many agents at a time; all by default",
  },
  canary: {
    type: "string",
    value: "N|N%|EXPR",
    summary:
      "these agents first, chosen at random or named: the rest starts only if all of them succeed",
  },
  "max-failures": {
    type: "string",
    value: "N|N%",
    summary:
      "start nothing more once so many agents have failed, timed out, are lost, refused or not reachable",
  },
  "cancel-rest": {
    type: "boolean",
    needs: ["max-failures"],
    summary: "with --max-failures: cancel what runs then, too",
  },
  pause: {
    type: "duration",
    needs: ["batch"],
    value: "TIME",
    summary: "with --batch: wait after an agent is done before the next starts",
    most: MAX_MS,
  },
  order: {
    type: "choice",
    summary: "order of starting: name (default) or random",
    choices: ["name", "random"],
  },
  deadline: {
    type: "duration",
    value: "TIME",
    summary:
      "end the whole job after this time: what has not started is skipped, what runs is cancelled",
    most: MAX_MS,
  },
  queue: {
    type: "duration",
    value: "TIME",
    summary:
      "wait this long for agents that are away; without it they are unreachable at once",
    most: MAX_MS,
  },
  supersede: {
    type: "string",
    value: "KEY",
    summary:
      "replace what waits in earlier jobs with this key for the same agents",
  },
} as const satisfies Flags;

/** Values of LIMIT_FLAGS. */
export interface LimitFlagValues {
  readonly batch: string | undefined;
  readonly canary: string | undefined;
  readonly "max-failures": string | undefined;
  readonly "cancel-rest": boolean;
  readonly pause: number | undefined;
  readonly order: "name" | "random" | undefined;
  readonly deadline: number | undefined;
  readonly queue: number | undefined;
  readonly supersede: string | undefined;
}

/**
 * The limits that flags ask for.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function limitsOf(
  flags: LimitFlagValues,
): JobLimitsInit {
  requireWith(flags, "cancel-rest", "max-failures");
  requireWith(flags, "pause", "batch");
  const { batch, canary, pause, deadline, queue } = flags;
  const share = canary === undefined ? undefined : shareOf(canary);
  const most = flags["max-failures"];
  return {
    ...batch === undefined ? {} : { batch: requireShare("batch", batch) },
    ...canary === undefined
      ? {}
      : share === undefined
      ? { canaryTargets: [canary] }
      : { canary: share },
    ...most === undefined
      ? {}
      : { maxFailures: requireShare("max-failures", most) },
    cancelRest: flags["cancel-rest"],
    ...pause === undefined ? {} : { pauseMs: BigInt(pause) },
    order: flags.order === "random" ? JobOrder.RANDOM : JobOrder.NAME,
    ...deadline === undefined ? {} : { deadlineMs: BigInt(deadline) },
    ...queue === undefined ? {} : { queueMs: BigInt(queue) },
    supersedeKey: flags.supersede ?? "",
  };
}

function requireWith(
  flags: LimitFlagValues,
  flag: "cancel-rest" | "pause",
  other: "max-failures" | "batch",
): void {
  if (flags[flag] === undefined || flags[flag] === false) return;
  if (flags[other] !== undefined) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--${flag}" without "--${other}"`,
  );
}
