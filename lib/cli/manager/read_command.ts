import { OutputStream } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { joint } from "../../base/signals.ts";
import type { RetryingClient } from "./retrying_client.ts";
import { hasEnded } from "./states.ts";
import { longestWait, waitedTooLong } from "./wait_limit.ts";
import type { WaitNotes } from "./wait_notes.ts";

/** Standard output of a command, with its end. */
export interface ReadOutput {
  readonly command: Command;
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
}

/** Means of reading the output of a command. */
export interface ReadOptions {
  readonly client: RetryingClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told of each state, to say why it does not go on. */
  readonly waits: Pick<WaitNotes, "changed" | "ended">;
}

/**
 * Reads the whole standard output of a command, and waits for its end.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the Manager has not kept all of it; UNAVAILABLE if the Manager stays away;
 * TIMED_OUT if no end has come a while after its timeout
 */
export async function readCommand(
  started: Command,
  { client, clock, signal, waits }: ReadOptions,
): Promise<ReadOutput> {
  const { id: commandId, timeoutMs } = started;
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  let last = started;
  const limit = new AbortController();
  using undo = new DisposableStack();
  undo.defer(() => waits.ended(commandId));
  if (timeoutMs !== undefined) {
    const waitMs = longestWait(timeoutMs);
    const timer = clock.timer(waitMs, () => {
      limit.abort(waitedTooLong([last], { waitMs, now: clock.now() }));
    });
    undo.defer(() => timer.cancel());
  }
  const ends = undo.use(joint([signal, limit.signal]));
  await client.call(async ({ commands }, { signal, alive }) => {
    const from = { commandId, stdoutOffset: BigInt(bytes) };
    const watch = commands.watch({ commands: [from] }, { signal });
    for await (const { event } of watch) {
      alive();
      if (event.case === "command") {
        last = event.value;
        if (!hasEnded(last)) await waits.changed(last);
      }
      if (event.case === "cutOff") throw notKept(commandId);
      if (event.case !== "output") continue;
      const { stream, offset, bytes: piece } = event.value;
      if (stream !== OutputStream.STDOUT) continue;
      if (offset !== BigInt(bytes)) throw notKept(commandId);
      pieces.push(piece);
      bytes += piece.length;
    }
  }, {
    signal: ends.signal,
    failure: (fact) =>
      new PiriError(
        "UNAVAILABLE",
        `Cannot read the output of command ${commandId}: ${fact}`,
      ),
  });
  if (!hasEnded(last)) {
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot read the output of command ${commandId}: its end is not known`,
    );
  }
  return { command: last, pieces, bytes };
}

function notKept(commandId: bigint): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot read the output of command ${commandId}: the Manager has not kept all of it; set outputBytesPerCommand in its config.yaml to 64MiB`,
  );
}
