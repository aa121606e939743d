import type {
  Command,
  Progress,
  StorageState,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";

/** A stream of a program. */
export type StreamName = "stdout" | "stderr";

/** Position in the output of a command. */
export interface StreamPosition {
  readonly stream: StreamName;
  /** Offset in the stream, in bytes. */
  readonly offset: bigint;
}

/** Shows commands while they run. Everything about one command arrives in order and once. */
export interface View {
  /** Shows a new command, or a change of its state except the last. */
  changed(command: Command): Promise<void>;
  /** Shows output. `atMs` is its arrival, in milliseconds since 1970; null if the Manager did not note it. */
  output(
    command: Command,
    position: StreamPosition,
    bytes: Uint8Array,
    atMs: number | null,
  ): Promise<void>;
  /** Shows that `length` bytes from the position on were not kept. */
  cut(
    command: Command,
    position: StreamPosition,
    length: bigint,
  ): Promise<void>;
  progress(command: Command, progress: Progress): Promise<void>;
  /** Shows that no more output will come, though there is some. */
  cutOff(command: Command, reason: string): Promise<void>;
  /** Shows output that was held back: no more comes for now. */
  settle(command: Command): Promise<void>;
  /** Shows the end of a command, after all its output. */
  ended(command: Command): Promise<void>;
  /** Shows that the Manager cannot write its database, or can again: until then no command begins or ends. */
  storage(state: StorageState): Promise<void>;
  /** Shows a message of this program. */
  note(text: string): Promise<void>;
  /** Takes away what is redrawn, and ends the view without a word: what it prints is lost. */
  abandon(): Promise<void>;
  /** Ends the view. */
  close(commands: readonly Command[], exitCode: number): Promise<void>;
}

const nothing = () => Promise.resolve();

/** Shows nothing. */
export const silentView: View = {
  changed: nothing,
  output: nothing,
  cut: nothing,
  progress: nothing,
  cutOff: nothing,
  settle: nothing,
  ended: nothing,
  storage: nothing,
  note: nothing,
  abandon: nothing,
  close: nothing,
};
