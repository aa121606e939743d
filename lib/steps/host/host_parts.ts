import type { Clock } from "../../base/clock.ts";
import type { Accounts } from "./accounts.ts";
import type { FileContent, ProgramResult, StepProgram } from "./host.ts";

/** Output of a program, taken as it comes. */
export type Print = (
  stream: "stdout" | "stderr",
  bytes: Uint8Array,
) => Promise<void>;

/** File that is written beside its path. Disposed of before it is finished, it is removed. */
export interface NewHostFile extends AsyncDisposable {
  /** Path of what is written so far, for calls of the system and for programs. */
  readonly temporary: string;
  write(bytes: Uint8Array): Promise<void>;
  /** Moves it to its path, durably. */
  finish(): Promise<void>;
}

/** Path for calls of the system, whose folder stays the one that was judged. */
export interface HeldPath extends Disposable {
  readonly at: string;
}

/** Parts of an agent that steps use on a real host. */
export interface HostParts {
  readonly clock: Clock;
  /** Bits of a mode that may be set. */
  readonly modeMask: number;
  /** False if no file may be given to another owner than it has, or than the agent. */
  readonly givesAway: boolean;
  /** Refuses a path that the agent's policy, or the agent itself, keeps. */
  require(use: "read" | "write", path: string): void;
  /** Refuses to ask others than the host, where the agent's policy does. */
  requireConnect(): void;
  /** Place of a path to write. */
  placeOf(path: string): HeldPath;
  newFile(
    path: string,
    options: {
      readonly at: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    },
  ): Promise<NewHostFile>;
  readonly accounts: Accounts;
  /** Runs a program until it ends, or until the signal is aborted. Refuses it where the policy does. */
  run(
    program: StepProgram,
    signal: AbortSignal,
    print: Print,
  ): Promise<ProgramResult>;
  blob(sha256: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Content of a blob of the Manager. */
export function blobContent(
  { sha256, size }: { readonly sha256: string; readonly size: number },
  parts: HostParts,
  signal: AbortSignal,
): FileContent {
  return { sha256, size, pieces: () => parts.blob(sha256, signal) };
}
