import { OutputStream } from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Output,
  WatchFrom,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { StreamName, StreamPosition } from "../view.ts";

/** New part of an output, and what is missing before it. */
export interface NewOutput {
  readonly cut?: { readonly position: StreamPosition; readonly length: bigint };
  readonly piece?: StreamPosition & { readonly bytes: Uint8Array };
}

/** Next byte of each stream of several commands, so that each is shown once although a watch may begin again. */
export class OutputOffsets {
  readonly #next = new Map<bigint, Record<StreamName, bigint>>();

  /** Places where a new watch goes on. */
  get places(): WatchFrom[] {
    return [...this.#next].map(([commandId, { stdout, stderr }]) => ({
      commandId,
      stdoutOffset: stdout,
      stderrOffset: stderr,
    }));
  }

  /** Begins with a command at its first byte. */
  begin(commandId: bigint): void {
    this.#next.set(commandId, { stdout: 0n, stderr: 0n });
  }

  /** Part of an output that is new. */
  take(commandId: bigint, output: Output): NewOutput {
    const stream = output.stream === OutputStream.STDERR ? "stderr" : "stdout";
    const next = this.#next.get(commandId) ?? { stdout: 0n, stderr: 0n };
    this.#next.set(commandId, next);
    const offset = next[stream];
    const missing = output.offset - offset;
    const bytes = output.bytes.subarray(missing < 0n ? Number(-missing) : 0);
    const start = missing > 0n ? output.offset : offset;
    next[stream] = start + BigInt(bytes.length);
    return {
      ...missing > 0n
        ? { cut: { position: { stream, offset }, length: missing } }
        : {},
      ...bytes.length > 0 ? { piece: { stream, offset: start, bytes } } : {},
    };
  }
}
