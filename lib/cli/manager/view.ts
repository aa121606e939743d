import type {
  Command,
  Progress,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { ExitCode } from "../exit_code.ts";

/** The stream a program wrote to. */
export type StreamName = "stdout" | "stderr";

/** A piece of a command's output, or of what is missing from it. */
export interface StreamPosition {
  readonly stream: StreamName;
  /** Where it begins in the stream, bytes. */
  readonly offset: bigint;
}

/** Shows commands while they run. What of a command comes is given in order and once. */
export interface View {
  /** The command is new here, or its state has changed; not for its last state. */
  changed(command: Command): Promise<void>;
  output(
    command: Command,
    position: StreamPosition,
    bytes: Uint8Array,
  ): Promise<void>;
  /** So many bytes from the position on are gone for good. */
  cut(
    command: Command,
    position: StreamPosition,
    length: bigint,
  ): Promise<void>;
  progress(command: Command, progress: Progress): Promise<void>;
  /** No more output will come, though there is some. */
  cutOff(command: Command, reason: string): Promise<void>;
  /** Nothing more of its output comes for now: what was held back is shown. */
  settle(command: Command): Promise<void>;
  /** The command has ended and all its output was given. */
  ended(command: Command): Promise<void>;
  /** Tells people what this program does. */
  note(text: string): Promise<void>;
  /** Nothing will come any more. */
  close(commands: readonly Command[], exitCode: ExitCode): Promise<void>;
}
