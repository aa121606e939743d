import { isOpenState } from "../../base/command_state.ts";
import { PiriError } from "../../base/errors.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";

/**
 * Deletes the output that is kept of a command.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it has not ended
 */
export async function dropOutput(
  store: Store,
  { id, state, stdoutHeld, stderrHeld }: CommandRecord,
): Promise<void> {
  if (isOpenState(state)) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot delete the output of command ${id}: it has not ended, it is ${state}`,
    );
  }
  await store.dropOutput(id, { stream: "stdout", from: 0n, below: stdoutHeld });
  await store.dropOutput(id, { stream: "stderr", from: 0n, below: stderrHeld });
}
