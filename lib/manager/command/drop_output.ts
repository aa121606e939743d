import type { Asker } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { isOpenState } from "../../base/command_state.ts";
import { PiriError } from "../../base/errors.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";

/**
 * Deletes the output that is kept of a command.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it has not ended
 */
export async function dropOutput(
  command: CommandRecord,
  { store, clock, asker }: {
    readonly store: Store;
    readonly clock: Clock;
    readonly asker: Asker;
  },
): Promise<void> {
  const { id, state, stdoutHeld, stderrHeld } = command;
  if (isOpenState(state)) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot delete the output of command ${id}: it has not ended, it is ${state}`,
    );
  }
  const act = { act: "DropOutput", on: [String(id)] };
  const audit = auditEntry(act, asker, clock);
  const stdout = { stream: "stdout", from: 0n, below: stdoutHeld } as const;
  await store.dropOutput(id, stdout, audit);
  await store.dropOutput(id, { stream: "stderr", from: 0n, below: stderrHeld });
}
