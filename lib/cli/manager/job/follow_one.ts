import type {
  Command,
  Job,
  JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import { complaintOf, ExitError, HintedError } from "../../errors.ts";
import { OutputLost, type Terminal } from "../../terminal.ts";
import { CommandViewer, type ViewOptions } from "../command_viewer.ts";
import { cancelUnseen, leaveUnseen } from "../lost_output.ts";
import type { Patience } from "../patience.ts";
import type { RetryingClient } from "../retrying_client.ts";
import { whileRead } from "../while_read.ts";
import {
  commandOf,
  type EntryLabel,
  exitCodeOfEntry,
  labelOf,
  labelText,
} from "./entry_state.ts";
import { type FileFlagValues, type Shown, withFiles } from "./file_views.ts";
import { JobFollower, jobHasEnded } from "./job_follower.ts";
import { queueView } from "./queue_view.ts";
import { endUnseen } from "./unseen_job.ts";

/** Surroundings of a job of one agent. */
export interface FollowOneOptions extends Omit<ViewOptions, "raw"> {
  readonly client: RetryingClient;
  readonly patience: Pick<Patience, "signal" | "cancels" | "limit">;
  /** True if the command is cancelled when its output can be written no more; so if absent. */
  readonly cancelsUnseen?: boolean;
  readonly terminal: Terminal;
  readonly raw: boolean;
  readonly flags: FileFlagValues;
}

/**
 * Waits for the command of a job of one agent, and shows it as a single command is shown. Returns its exit code.
 *
 * @throws {ExitError} if the job ended without a command
 */
export function followOne(
  job: Job,
  options: FollowOneOptions,
): Promise<number> {
  const { client, terminal, flags, patience: { signal } } = options;
  return withFiles(
    job,
    { client, terminal, flags, signal },
    async (signal) => {
      const found = await findCommand(job, options, signal);
      return "command" in found
        ? await showCommand(found.command, options, signal)
        : found;
    },
  );
}

/** Waits until the job has a command, or has ended without one. */
async function findCommand(
  job: Job,
  { client, patience, cancelsUnseen = true, ...options }: FollowOneOptions,
  signal: AbortSignal,
): Promise<{ readonly command: Command } | Shown> {
  const { terminal, json, exitCodeOf } = options;
  const queue = queueView(terminal, { json });
  const waiting = new JobFollower(job, { client, view: queue });
  const { board } = waiting;
  patience.cancels(waiting);
  try {
    try {
      await whileRead(
        terminal,
        signal,
        (signal) =>
          waiting.follow(signal, ({ entries }) => entries.some(hasCommand)),
      );
    } catch (error) {
      if (!(error instanceof OutputLost)) {
        const { exitCode } = complaintOf(error);
        await queue.close(board, { exitCode, hasEnded: false });
      }
      throw error;
    }
    const [entry] = board.entries;
    if (entry?.commandId !== undefined) {
      return { command: commandOf(entry, board.job) };
    }
    const error = withoutCommand(board.job, entry);
    const exitCode = exitCodeOf?.([]) ?? error.exitCode;
    await queue.close(board, { exitCode, hasEnded: true });
    return { exitCode, error };
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    const lost = { terminal, json, signal, cancels: cancelsUnseen };
    return await endOf(
      endUnseen(error, waiting, lost),
      () => jobHasEnded(board.job),
    );
  } finally {
    await queue.abandon();
  }
}

/** Shows a command until it has ended. */
async function showCommand(
  command: Command,
  { client, patience, cancelsUnseen = true, ...options }: FollowOneOptions,
  signal: AbortSignal,
): Promise<Shown> {
  const { terminal, json } = options;
  const viewer = new CommandViewer([command], { client, options });
  patience.cancels(viewer.follower);
  if (command.timeoutMs !== undefined) {
    patience.limit(command.timeoutMs, () => viewer.follower.commands);
  }
  try {
    return { exitCode: await viewer.wait(signal) };
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    return await endOf(
      cancelsUnseen
        ? cancelUnseen(error, viewer, { terminal, json, signal })
        : leaveUnseen(error, viewer, { terminal, json }),
      () => viewer.follower.open.length === 0,
    );
  }
}

/** End of what is seen no more. An error is the end of it, too, if nothing runs any longer. */
async function endOf(
  ending: Promise<number>,
  hasEnded: () => boolean,
): Promise<Shown> {
  try {
    return { exitCode: await ending };
  } catch (error) {
    if (!hasEnded()) throw error;
    return { exitCode: complaintOf(error).exitCode, error };
  }
}

function hasCommand({ commandId }: JobEntry): boolean {
  return commandId !== undefined;
}

/** Codes of errors for ends without a command. */
const CODES: Partial<Record<EntryLabel, ErrorCode>> = {
  unreachable: "UNAVAILABLE",
  expired: "UNAVAILABLE",
  skipped: "CANCELLED",
  superseded: "CANCELLED",
  refused: "REFUSED",
};

const HINTS: Partial<Record<EntryLabel, string>> = {
  unreachable: "--queue 1h waits for it",
};

function withoutCommand(job: Job, entry: JobEntry | undefined): ExitError {
  const label = entry === undefined ? "lost" : labelOf(entry);
  const reason = entry === undefined || entry.reason === ""
    ? `it is ${labelText(label)}`
    : entry.reason;
  const known = entry?.errorCode === "NOT_FOUND" ||
    entry?.errorCode === "INVALID_ARGUMENT";
  const code = known
    ? entry?.errorCode as ErrorCode
    : CODES[label] ?? "INTERNAL";
  return new ExitError(
    new HintedError(
      code,
      `Cannot run on "${entry?.agent ?? ""}": ${reason}`,
      HINTS[label] ?? `piri-manager job show j-${job.id}`,
    ),
    entry === undefined ? 1 : exitCodeOfEntry(entry),
  );
}
