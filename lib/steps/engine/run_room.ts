import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import { codeOf, PiriError } from "../../base/errors.ts";
import { type FileDisk, openFileDisk } from "../../base/file_disk.ts";
import { readOnlyDisk } from "../../base/read_only_disk.ts";

/** Name of the file that says which command a run is for. */
const RUNNING_FILE = "running";
/** Time between two attempts to begin, in milliseconds. */
const RETRY_MS = 200;

/** Choices for a run's turn. */
export interface TurnOptions {
  /** Command that the run is for, in words. */
  readonly command: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told once if it has to wait, with the command that runs. */
  onWait(command: string): void;
}

/**
 * Opens the folder of runs on this host. One run at a time has it; another waits. The system gives it free when this
 * process ends, however it ends.
 *
 * @throws {PiriError} CANCELLED; DISK
 */
export async function takeTurn(
  folder: string,
  { command, clock, signal, onWait }: TurnOptions,
): Promise<FileDisk> {
  for (let attempt = 0;; attempt++) {
    try {
      const disk = await openFileDisk(folder);
      await disk.replace(RUNNING_FILE, new TextEncoder().encode(command));
      return disk;
    } catch (error) {
      if (codeOf(error) !== "FAILED_PRECONDITION") throw error;
    }
    if (attempt === 0) onWait(await runningIn(folder));
    await sleep(clock, RETRY_MS, signal);
    if (!signal.aborted) continue;
    throw new PiriError(
      "CANCELLED",
      "Cannot run steps: the command was cancelled while it waited for another",
    );
  }
}

/** Command that runs in the folder, in words. */
async function runningIn(folder: string): Promise<string> {
  const disk = readOnlyDisk(folder);
  try {
    const bytes = await disk.read(RUNNING_FILE, 0, 100);
    return new TextDecoder().decode(bytes) || "another command";
  } catch {
    return "another command";
  }
}
