import { type Clock, sleep } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { type Step, step } from "./service_host.ts";
import type { FullStatus, UpdateFacts } from "./service_report.ts";

/** Time between two looks, in milliseconds. */
const LOOK_MS = 250;

/** Longest wait for a decision after the end of a trial, in milliseconds: systemd gives a start 90 s. */
const DECISION_MS = 120_000;

/** True if an update is about the version that is installed, and not about one before an installation by hand. */
export function isAbout(
  { from, to, state }: UpdateFacts,
  versionOnDisk: string | undefined,
): boolean {
  const isBack = state === "back" || state === "failed";
  return versionOnDisk === undefined || versionOnDisk === (isBack ? from : to);
}

/** Lines about a trial that begins with the next start. */
export function trialHints(update: UpdateFacts | undefined): string[] {
  if (update?.state !== "trial" || update.starts > 0) return [];
  const { from, to, confirmMs } = update;
  return [
    `version ${to} is then on trial: it goes back to ${from} unless it works for ${
      Math.round(confirmMs / 1_000)
    } s`,
  ];
}

/**
 * Waits until a version on trial is confirmed.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it was given up; TIMED_OUT if nothing is decided in time
 */
export async function untilConfirmed(
  { from, to, trialMs }: UpdateFacts,
  { clock, look, more }: {
    readonly clock: Clock;
    readonly look: () => Promise<Pick<FullStatus, "update" | "running">>;
    /** Words about where to read more. */
    readonly more: string;
  },
): Promise<Step> {
  const ms = trialMs + DECISION_MS;
  const end = clock.monotonic() + ms;
  for (;;) {
    const { update, running } = await look();
    if (update?.state === "confirmed") {
      return step(true, `version ${to} is confirmed`, "");
    }
    const isGivenUp = update !== undefined && update.state !== "trial";
    if (isGivenUp && running) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot keep version ${to}: ${update.reason}; ${from} runs again`,
      );
    }
    if (clock.monotonic() >= end) {
      const why = update?.detail ?? "";
      throw new PiriError(
        "TIMED_OUT",
        `Cannot see version ${to} confirmed after ${Math.round(ms / 1_000)} s${
          why === "" ? "" : `: ${why}`
        }; ${more}`,
      );
    }
    await sleep(clock, LOOK_MS);
  }
}
