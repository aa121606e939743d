import type { ProcessIdentity, StreamName } from "../operations/operation.ts";

/** A piece of a command's output as the journal has it. */
export interface OutputPiece {
  /** Where `bytes` begins in the stream. */
  readonly offset: bigint;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** So many bytes just before `offset` are gone for good. */
  readonly cut: bigint;
}

/** How far a journaled command is. */
export type EntryState = "accepted" | "running" | "finished";

/** One command on the agent's disk. All that it tells is read from memory but `read`. */
export interface JournalEntry {
  readonly id: bigint;
  readonly nonce: bigint;
  /** The Manager that gave the command; only it gets the output and the result. Empty: one of 2024. */
  readonly managerId: string;
  /** The Command as it came, encoded. */
  readonly command: Uint8Array;
  readonly state: EntryState;
  /** The processes that must be ended if this agent dies. */
  readonly processes: readonly ProcessIdentity[];
  /** The CommandResult, encoded; undefined until it is finished. */
  readonly result: Uint8Array | undefined;
  /** Bytes the stream has had in all, cut ones included. */
  produced(stream: StreamName): bigint;
  /** Bytes of the stream that the Manager holds. */
  acknowledged(stream: StreamName): bigint;
  /** Keeps output. Resolves once it would survive a crash of the agent. Beyond the bound the middle is cut. */
  append(stream: StreamName, bytes: Uint8Array): Promise<void>;
  /** Marks it running, durably enough to find its processes after a crash of the agent. */
  started(identity?: ProcessIdentity): Promise<void>;
  /** Keeps the result. Resolves once it and all output would survive a power cut. */
  finish(result: Uint8Array): Promise<void>;
  /** Drops output below these offsets; they only grow. */
  acknowledge(held: { stdout: bigint; stderr: bigint }): Promise<void>;
  /** The output from `offset` on, `limit` bytes at most; undefined when there is nothing to read there. */
  read(
    stream: StreamName,
    offset: bigint,
    limit: number,
  ): Promise<OutputPiece | undefined>;
}

/** What an Agent keeps on its disk: protocol.md section 5. One process a journal. */
export interface Journal extends AsyncDisposable {
  /** A random id of this journal; a new or damaged one, or another machine, has a new one. */
  readonly instance: string;
  /** The highest id ever accepted, 0 at first. */
  readonly lastCommandId: bigint;
  /** All commands that are not forgotten, lowest id first. */
  entries(): readonly JournalEntry[];
  /** The entry of this Manager's command; with a nonce, only if it is that one. */
  find(
    managerId: string,
    id: bigint,
    nonce?: bigint,
  ): JournalEntry | undefined;
  /** The number of the next dial, durable when it resolves. */
  nextSession(): Promise<bigint>;
  /** Starts over as another instance: another agent uses this one. */
  newInstance(): Promise<void>;
  /**
   * Keeps a command, durably when it resolves, and lastCommandId with it (unless managerId is empty).
   *
   * @throws {PiriError} DISK if it cannot be kept: the command must be refused. BUSY beyond 1,000 entries.
   */
  accept(command: {
    readonly id: bigint;
    readonly nonce: bigint;
    readonly managerId: string;
    readonly command: Uint8Array;
  }): Promise<JournalEntry>;
  /** Forgets a command and its output. */
  forget(entry: JournalEntry): Promise<void>;
}
