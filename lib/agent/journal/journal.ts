import type {
  ProcessIdentity,
  StreamName,
} from "../../operations/operation.ts";

/** Piece of a command's output as the journal has it. */
export interface OutputPiece {
  /** Offset of `bytes` in the stream. */
  readonly offset: bigint;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Count of bytes just before `offset` that are lost for good. */
  readonly cut: bigint;
}

/** State of a command in the journal. */
export type EntryState = "accepted" | "running" | "finished";

/** Command on the agent's disk. Everything but `read` is answered from memory. */
export interface JournalEntry {
  readonly id: bigint;
  readonly nonce: bigint;
  /** Manager that gave the command; only it gets the output and the result. Empty for a legacy Manager. */
  readonly managerId: string;
  /** The Command as received, encoded. */
  readonly command: Uint8Array;
  readonly state: EntryState;
  /** Processes that must be ended if this agent dies. */
  readonly processes: readonly ProcessIdentity[];
  /** The CommandResult, encoded; undefined until the command is finished. */
  readonly result: Uint8Array | undefined;
  /** Bytes that the stream has had in all, cut ones included. */
  produced(stream: StreamName): bigint;
  /** Bytes of the stream that the Manager holds. */
  acknowledged(stream: StreamName): bigint;
  /** Bytes of the stream that are on the disk. */
  kept(stream: StreamName): number;
  /**
   * Stores output. Resolves once it would survive a crash of the agent. Beyond the limit the middle of the output is
   * cut. Output that does not fit on a full or failing disk is also cut: that does not reject.
   *
   * With an offset, the bytes have that place in the stream: those that it has already are left out, and what is missing
   * before them is a cut.
   */
  append(
    stream: StreamName,
    bytes: Uint8Array,
    offset?: number,
  ): Promise<void>;
  /**
   * Marks the command as running, durably enough to find its processes after a crash of the agent. Await it once before
   * the command starts: without the mark, the command is later reported as never started.
   *
   * @throws {PiriError} DISK
   */
  started(identity?: ProcessIdentity): Promise<void>;
  /**
   * Stores the result. Resolves once it and all output would survive a power cut. On a full disk, output is dropped
   * before the result, as a cut.
   *
   * @throws {PiriError} DISK if even the result alone cannot be stored; call it again then.
   */
  finish(result: Uint8Array): Promise<void>;
  /** Drops output below these offsets, which only grow. */
  acknowledge(held: { stdout: bigint; stderr: bigint }): Promise<void>;
  /**
   * Reads output from `offset` on, at most `limit` bytes; undefined if the stream has not come so far. A piece without
   * bytes is a cut up to the end of the stream.
   */
  read(
    stream: StreamName,
    offset: bigint,
    limit: number,
  ): Promise<OutputPiece | undefined>;
}

/** Limits above which the journal drops output that was not delivered. */
export interface Expiry {
  /** Current time, in milliseconds since 1970. */
  readonly now: number;
  /** Longest time that a finished command's output stays, counted from the first look at it, in milliseconds. */
  readonly maxAgeMs: number;
  /** Limit of all commands together, in bytes. */
  readonly maxBytes: number;
}

/** Default limits of a journal: 30 days and 1 GiB. */
export const EXPIRY: Omit<Expiry, "now"> = {
  maxAgeMs: 30 * 24 * 60 * 60 * 1000,
  maxBytes: 1_073_741_824,
};

/** Commands and output on an Agent's disk: protocol.md, "What an agent keeps". Only one process uses a journal. */
export interface Journal extends AsyncDisposable {
  /** Random id of this journal. A new or damaged journal, or one on another machine, gets a new id. */
  readonly instance: string;
  /** The highest id ever asked for, including ids that could not be written to disk. 0 at first. */
  readonly lastCommandId: bigint;
  /** Bytes of commands and their output on the disk. */
  readonly size: number;
  /** Size of the file of commands and results, in bytes. */
  readonly logSize: number;
  /** All commands that are not forgotten, lowest id first. */
  entries(): readonly JournalEntry[];
  /** Finds the entry of this Manager's command. If a nonce is given, the entry must have it. */
  find(
    managerId: string,
    id: bigint,
    nonce?: bigint,
  ): JournalEntry | undefined;
  /** Number of the next dial, durable when it resolves. */
  nextSession(): Promise<bigint>;
  /** Becomes a new instance, because another agent uses the same one. */
  newInstance(): Promise<void>;
  /**
   * Stores a command, and lastCommandId with it (unless managerId is empty). Durable when it resolves.
   *
   * @throws {PiriError} DISK if it cannot be stored: the command must be refused. BUSY above 1,000 entries. REFUSED if
   * the id is not above all ids that were asked for. INVALID_ARGUMENT if it is over 1 MiB.
   */
  accept(command: {
    readonly id: bigint;
    readonly nonce: bigint;
    readonly managerId: string;
    readonly command: Uint8Array;
  }): Promise<JournalEntry>;
  /** Forgets a command and its output. */
  forget(entry: JournalEntry): Promise<void>;
  /**
   * Drops old output as a cut, and of old results everything but how the command ended. Above the size limit, the
   * oldest go first. Call it from time to time. Resolves to the count of dropped bytes; never rejects.
   */
  expire(limits: Expiry): Promise<number>;
}
