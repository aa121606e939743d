import { codeOf, messageOf } from "../../base/errors.ts";
import type { StreamName } from "../../operations/operation.ts";
import type { JournalEntry } from "../journal/journal.ts";
import type { WorkOutcome, WorkSink } from "../workers/workers.ts";
import { cannotWrite } from "./keep_result.ts";
import type { RunningCommand } from "./running_command.ts";

/** Parts of a runner that the work of one command calls. */
export interface SinkOptions {
  readonly request: WorkSink["request"];
  /** True while output has to wait for the Manager. */
  readonly mustWait: (running: RunningCommand) => boolean;
  /** Called when a command has something to deliver. */
  readonly tell: (entry: JournalEntry) => void;
  readonly ended: (outcome: WorkOutcome) => void;
}

/** Takes what the work of a command tells. */
export function sinkOf(
  running: RunningCommand,
  { request, mustWait, tell, ended }: SinkOptions,
): WorkSink {
  const { entry } = running;
  return {
    request,
    ended,
    shield: (isOn) => running.shield(isOn),
    started: (identity) => {
      entry.started(identity).catch(cannotWrite);
    },
    output: async (stream, bytes, offset) => {
      if (running.isLeft) await never();
      await keepOutput(entry, stream, { bytes, offset });
      running.printed();
      tell(entry);
      // While the Manager is behind by a whole window, the program has to wait, unless it is being ended.
      while (mustWait(running)) await running.woken;
      if (running.isLeft) await never();
    },
    progress: (current, total, message) => {
      running.progress = { current, total, message };
      tell(entry);
    },
  };
}

async function keepOutput(
  entry: JournalEntry,
  stream: StreamName,
  { bytes, offset }: {
    readonly bytes: Uint8Array;
    readonly offset: number | undefined;
  },
): Promise<void> {
  try {
    await entry.append(stream, bytes, offset);
  } catch (error) {
    cannotWrite(error);
  }
}

/** Answer to work that this run of the agent has left: the next one goes on with it. */
function never(): Promise<never> {
  return new Promise(() => {});
}

/** Makes the outcome of an operation that failed with an error. */
export function failed(error: unknown): WorkOutcome {
  return {
    success: false,
    changed: false,
    errorCode: codeOf(error),
    message: messageOf(error),
  };
}
