import { percentOf } from "../../base/percentage.ts";
import type {
  Target,
  TargetSelectionInit,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { HintedError } from "../errors.ts";
import type { Control } from "./services.ts";

/** Number of the targets that have to be connected. */
export type Quorum =
  | { readonly percent: number }
  | { readonly count: number };

/** Quorum of all targets. */
export const ALL: Quorum = { percent: 100 };

/** Time between two looks at who is connected, in milliseconds. */
const LOOK_MS = 200;

/**
 * Parses a quorum: `95%` or a number of agents.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseQuorum(text: string): Quorum {
  const percent = /^([0-9]{1,3}(?:\.[0-9]+)?)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 100) {
    return { percent: Number(percent) };
  }
  if (/^[0-9]{1,6}$/.test(text)) return { count: Number(text) };
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot wait for "${text}" of the agents: it is neither a share nor a number`,
    "as in: --wait-for 95%, --wait-for 10",
  );
}

/** Targets and the time for them to connect. */
export interface QuorumWait {
  readonly targets: TargetSelectionInit;
  readonly quorum: Quorum;
  /** Longest wait, in milliseconds. */
  readonly withinMs: number;
  readonly clock: Clock;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Told once, if it has to wait. */
  readonly onWait: (connected: number, total: number) => void;
}

/** Targets that are connected, of how many. */
export interface Present {
  readonly connected: number;
  readonly total: number;
  /** Seed of a random sample of them: with it, the job gets the same sample. */
  readonly seed?: number | undefined;
}

/**
 * Waits until enough of the targets are connected.
 *
 * @throws {PiriError} UNAVAILABLE with the names of those that are away, if the time is over; NOT_FOUND for targets that
 * mean nobody; INVALID_ARGUMENT for more agents than the targets mean; CANCELLED if the signal is aborted
 */
export async function waitForQuorum(
  control: Control,
  { targets, quorum, withinMs, clock, signal, onWait }: QuorumWait,
): Promise<Present> {
  const end = clock.monotonic() + withinMs;
  // All are waited for, also those that --connected leaves out in the end.
  let selection = { ...targets, connectedOnly: false };
  for (let isFirst = true;; isFirst = false) {
    const { targets: found, seed } = await control.agents.resolveTargets({
      selection,
    }, { signal });
    if (seed !== undefined) selection = { ...selection, seed };
    const present = { ...presentOf(found), seed };
    const wanted = neededOf(quorum, found.length);
    if (present.connected >= wanted) return present;
    if (clock.monotonic() >= end) {
      throw notEnough(found, { present, wanted, withinMs });
    }
    if (isFirst) onWait(present.connected, present.total);
    await sleep(clock, LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

/** Number of agents that a quorum wants. */
function neededOf(quorum: Quorum, total: number): number {
  if ("percent" in quorum) return percentOf(quorum.percent, total);
  if (quorum.count <= total) return quorum.count;
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot wait for ${quorum.count} agents: the targets mean ${total}`,
    "--wait-for takes a share, too: 95%",
  );
}

function presentOf(found: readonly Target[]): Present {
  return {
    connected: found.filter(({ connected }) => connected).length,
    total: found.length,
  };
}

function notEnough(
  found: readonly Target[],
  { present: { connected, total }, wanted, withinMs }: {
    present: Present;
    wanted: number;
    withinMs: number;
  },
): HintedError {
  const away = found.filter((target) => !target.connected)
    .map(({ name }) => name);
  const verb = connected === 1 ? "is" : "are";
  return new HintedError(
    "UNAVAILABLE",
    `Cannot run: ${connected} of ${total} agents ${verb} connected after ${
      Math.round(withinMs / 100) / 10
    } s, and ${wanted} have to be; nothing was started; away: ${
      foldNames(away)
    }`,
    "--within 5m waits longer, --wait-for 90% needs fewer; docs/ci.md tells how agents dial",
  );
}
