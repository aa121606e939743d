import { RunAnswer } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Terminal } from "../terminal.ts";
import type { Control } from "./services.ts";
import { signatureOf } from "./signature.ts";
import { hasEnded } from "./states.ts";

/** Difference of an agent's clock from the Manager's, positive if it is ahead. */
export interface ClockDifference {
  readonly differenceMs: number;
  /** The true difference is at most so far away from `differenceMs`. */
  readonly uncertaintyMs: number;
}

/** Longest run time of a command that compares a clock, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * Compares the clocks of agents with the Manager's, by the times of a command that does nothing. Agents whose commands
 * tell no times, as legacy agents, are not in the result.
 */
export async function compareClocks(
  agents: readonly string[],
  { control, terminal }: { control: Control; terminal: Terminal },
): Promise<ReadonlyMap<string, ClockDifference>> {
  const { commandIds } = await control.commands.run({
    agents: [...agents],
    operation: "echo.Echo",
    params: JSON.stringify({ text: "ping" }),
    timeoutMs: TIMEOUT_MS,
    answer: RunAnswer.IDS,
    ...signatureOf(terminal),
  });
  const found = new Map<string, ClockDifference>();
  const watched = control.commands.watch({
    commands: commandIds.map((commandId) => ({ commandId })),
  });
  for await (const { event } of watched) {
    if (event.case !== "command" || !hasEnded(event.value)) continue;
    const difference = differenceOf(event.value);
    if (difference !== undefined) found.set(event.value.agent, difference);
  }
  return found;
}

/**
 * The difference by the times of one command. It began on the agent after it was sent, and it ended there before the Manager
 * knew: so the difference lies between two bounds.
 */
export function differenceOf(
  {
    sentAtMs,
    finishedAtMs,
    agentStartedAtMs,
    agentFinishedAtMs,
  }: Command,
): ClockDifference | undefined {
  if (
    sentAtMs === undefined || finishedAtMs === undefined ||
    agentStartedAtMs === undefined || agentFinishedAtMs === undefined
  ) return undefined;
  const most = Number(agentStartedAtMs - sentAtMs);
  const least = Number(agentFinishedAtMs - finishedAtMs);
  return {
    differenceMs: (most + least) / 2,
    // A clock that was set in the middle gives bounds that exclude each other.
    uncertaintyMs: Math.abs(most - least) / 2,
  };
}
