import { OutputStream } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import type { RetryingClient } from "./retrying_client.ts";
import { hasEnded } from "./states.ts";

/** Standard output of a command, with its end. */
export interface ReadOutput {
  readonly command: Command;
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
}

/**
 * Reads the whole standard output of a command, and waits for its end.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the Manager has not kept all of it; UNAVAILABLE if the Manager stays away
 */
export async function readCommand(
  commandId: bigint,
  { client, signal }: { client: RetryingClient; signal: AbortSignal },
): Promise<ReadOutput> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  let last: Command | undefined;
  await client.call(async ({ commands }, { signal, alive }) => {
    const from = { commandId, stdoutOffset: BigInt(bytes) };
    const watch = commands.watch({ commands: [from] }, { signal });
    for await (const { event } of watch) {
      alive();
      if (event.case === "command") last = event.value;
      if (event.case === "cutOff") throw notKept(commandId);
      if (event.case !== "output") continue;
      const { stream, offset, bytes: piece } = event.value;
      if (stream !== OutputStream.STDOUT) continue;
      if (offset !== BigInt(bytes)) throw notKept(commandId);
      pieces.push(piece);
      bytes += piece.length;
    }
  }, {
    signal,
    failure: (fact) =>
      new PiriError(
        "UNAVAILABLE",
        `Cannot read the output of command ${commandId}: ${fact}`,
      ),
  });
  if (last === undefined || !hasEnded(last)) {
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
