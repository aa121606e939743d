import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { sleep } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { joint } from "../../base/signals.ts";
import { ExitError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { NobodyReads, type OutputLost, type Terminal } from "../terminal.ts";
import { oneLine } from "../text.ts";
import type { CommandViewer } from "./command_viewer.ts";
import type { Follower } from "./follower.ts";
import { commandsText } from "./ids.ts";
import { userOf } from "./signature.ts";
import { outcomeText, stateName } from "./states.ts";

/** Longest wait for the end of commands or a job whose output is lost, in milliseconds: 5 s of grace, and 5 s for both ways. */
const MAX_END_MS = 5_000 + 5_000;

/** Place of a message about lost output. */
export interface LossOptions {
  readonly terminal: Terminal;
  readonly json: boolean;
}

/**
 * Cancels commands whose output can be written no more, waits for their ends for a while, and tells in one line what
 * became of them. Returns their exit code.
 *
 * @throws {ExitError} if some have not ended, and with `--json` for every exit code but 0
 */
export async function cancelUnseen(
  lost: OutputLost,
  viewer: CommandViewer,
  { signal, ...options }: LossOptions & { readonly signal: AbortSignal },
): Promise<number> {
  const { follower } = viewer;
  await follower.mute();
  if (follower.open.length > 0) {
    await endWithin(follower, options.terminal, signal);
  }
  const { open, cancelRequested } = follower;
  if (open.length === 0) return await tellEnds(lost, viewer, options);
  throw new ExitError(
    new PiriError(
      "CANCELLED",
      `${lost.message}; ${commandsText(open)}: ${
        cancelRequested
          ? "cancel requested, its end is not known yet"
          : "cancel not confirmed"
      }`,
    ),
    cancelRequested ? ExitCode.cancelled : ExitCode.left,
  );
}

/**
 * Tells that commands go on whose output can be written no more. Returns their exit code if all have ended.
 *
 * @throws {ExitError} if some have not ended, and with `--json` for every exit code but 0
 */
export async function leaveUnseen(
  lost: OutputLost,
  viewer: CommandViewer,
  options: LossOptions,
): Promise<number> {
  const { follower } = viewer;
  await follower.mute();
  const { open } = follower;
  if (open.length === 0) return await tellEnds(lost, viewer, options);
  throw new ExitError(
    new PiriError(
      "CANCELLED",
      `${lost.message}; ${commandsText(open)}: what runs goes on`,
    ),
    ExitCode.left,
  );
}

/** Tells in one line that output is lost, and what is so. Returns the exit code; a full device is no success. */
export async function tellLoss(
  lost: OutputLost,
  what: string,
  { terminal, json, exitCode }: LossOptions & { readonly exitCode: number },
): Promise<number> {
  const code = exitCode === ExitCode.ok && !(lost instanceof NobodyReads)
    ? ExitCode.failed
    : exitCode;
  const text = `${lost.message}; ${what}`;
  if (!json) await terminal.stderr.write(`${oneLine(text)}\n`);
  else if (code !== ExitCode.ok) {
    throw new ExitError(new PiriError("DISK", text), code);
  }
  return code;
}

/** Prints the outcome of some work. Nobody has to read it: the exit code tells of the work all the same. */
export async function unlessUnread(printing: Promise<void>): Promise<void> {
  try {
    await printing;
  } catch (error) {
    if (!(error instanceof NobodyReads)) throw error;
  }
}

/** Cancels what is followed, and waits for its end for a while. */
export async function endWithin(
  follower: Pick<Follower, "cancel" | "follow">,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const late = new AbortController();
  using end = joint([signal, late.signal]);
  sleep(terminal.clock, MAX_END_MS, end.signal).then(() => late.abort());
  await follower.cancel(userOf(terminal), { signal: end.signal });
  // Whatever ends the waiting: what is known then is told.
  await follower.follow(end.signal).catch(() => {});
  late.abort();
}

function tellEnds(
  lost: OutputLost,
  viewer: CommandViewer,
  options: LossOptions,
): Promise<number> {
  const what = endsText(viewer.follower.commands);
  return tellLoss(lost, what, { ...options, exitCode: viewer.exitCode });
}

/** Ends of commands: one in full, several as counts. */
function endsText(commands: readonly Command[]): string {
  const [first, ...others] = commands;
  if (first !== undefined && others.length === 0) {
    return `command ${first.id} on ${first.agent}: ${outcomeText(first)}`;
  }
  const counts = new Map<string, number>();
  for (const command of commands) {
    const name = stateName(command.state).replace("_", " ");
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const parts = [...counts].map(([name, count]) => `${count} ${name}`);
  return `${commandsText(commands.map(({ id }) => id))}: ${parts.join(", ")}`;
}
