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

/** A result that cannot be written is tried again after so long, milliseconds. */
const WRITE_AGAIN_MS = 5_000;

/** Keeps a command's result until it is kept: there is nothing else to do with it. */
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

/** The journal could not be written: what was to be kept is tried again, or goes as a cut. */
export function cannotWrite(error: unknown): void {
  log.error("Cannot write the journal: {error}", { error: messageOf(error) });
}
