import type { CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";

/** True if the last output of a command, of either stream, was counted and not kept: then no more of it may be kept. */
export async function endsInGap(
  store: Pick<Store, "readOutput">,
  { id, truncated, stdoutHeld, stderrHeld }: CommandRecord,
): Promise<boolean> {
  if (!truncated) return false;
  for (
    const [stream, held] of [
      ["stdout", stdoutHeld],
      ["stderr", stderrHeld],
    ] as const
  ) {
    if (held === 0n) continue;
    // A cut that is kept has a piece too, though an empty one.
    const last = await store.readOutput(id, {
      stream,
      offset: held - 1n,
      limit: 1,
    });
    if (last.length === 0) return true;
  }
  return false;
}
