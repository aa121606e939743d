import {
  type CommandResult,
  writeCommandResult,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { JournalEntry } from "../journal/journal.ts";
import { encode } from "../../protobuf/protobuf_writer.ts";

const log = logger("agent", "runner");

/** Delay before a result that could not be written is tried again, in milliseconds. */
const WRITE_AGAIN_MS = 5_000;

/** Stores a command's result, and tries until it succeeds: there is nothing else to do with a result. */
export async function keepResult(
  clock: Clock,
  { entry, result }: { entry: JournalEntry; result: CommandResult },
): Promise<void> {
  const bytes = encode(writeCommandResult, result);
  while (entry.state !== "finished") {
    try {
      await entry.finish(bytes);
    } catch (error) {
      cannotWrite(error);
      await sleep(clock, WRITE_AGAIN_MS);
    }
  }
}

/** Logs a failed write to the journal. The caller tries again, or the output becomes a cut. */
export function cannotWrite(error: unknown): void {
  log.error("Cannot write the journal: {error}", { error: messageOf(error) });
}
