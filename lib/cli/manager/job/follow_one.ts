import type {
  Command,
  Job,
  JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import { ExitError, HintedError } from "../../errors.ts";
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
import { type FileFlagValues, writeFiles } from "./file_views.ts";
import { JobFollower } from "./job_follower.ts";
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
export async function followOne(
  job: Job,
  { client, patience, cancelsUnseen = true, ...options }: FollowOneOptions,
): Promise<number> {
  const { terminal, json, flags } = options;
  const { signal } = patience;
  const queue = queueView(terminal, { json });
  const waiting = new JobFollower(job, { client, view: queue });
  patience.cancels(waiting);
  try {
    await whileRead(
      terminal,
      signal,
      (signal) =>
        waiting.follow(signal, ({ entries }) => entries.some(hasCommand)),
    );
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    const lost = { terminal, json, signal, cancels: cancelsUnseen };
    return await endUnseen(error, waiting, lost);
  } finally {
    await queue.abandon();
  }
  const [entry] = waiting.board.entries;
  if (entry?.commandId === undefined) throw withoutCommand(waiting.job, entry);
  const command: Command = commandOf(entry, waiting.job);
  const viewer = new CommandViewer([command], { client, options });
  patience.cancels(viewer.follower);
  if (command.timeoutMs !== undefined) {
    patience.limit(command.timeoutMs, () => viewer.follower.commands);
  }
  try {
    const exitCode = await viewer.wait(signal);
    await writeFiles(job, { client, signal, exitCode, flags, terminal });
    return exitCode;
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    return cancelsUnseen
      ? await cancelUnseen(error, viewer, { terminal, json, signal })
      : await leaveUnseen(error, viewer, { terminal, json });
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
