import type {
  ProcessIdentity,
  StreamName,
} from "../../operations/operation.ts";

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
  /** The Manager that gave the command; only it gets the output and the result. Empty: a legacy Manager. */
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
  /** Bytes of the stream that are on the disk. */
  kept(stream: StreamName): number;
  /**
   * Keeps output. Resolves once it would survive a crash of the agent. Beyond the bound the middle is cut, and so is
   * what a full or failing disk does not take: it never rejects for that.
   */
  append(stream: StreamName, bytes: Uint8Array): Promise<void>;
  /**
   * Marks it running, durably enough to find its processes after a crash of the agent. To be awaited once before it
   * starts: what is not marked is later said to have never started.
   *
   * @throws {PiriError} DISK
   */
  started(identity?: ProcessIdentity): Promise<void>;
  /**
   * Keeps the result. Resolves once it and all output would survive a power cut. On a full disk output has to go before
   * the result, as a cut.
   *
   * @throws {PiriError} DISK if even the result alone cannot be kept; it may then be tried again.
   */
  finish(result: Uint8Array): Promise<void>;
  /** Drops output below these offsets; they only grow. */
  acknowledge(held: { stdout: bigint; stderr: bigint }): Promise<void>;
  /**
   * The output from `offset` on, `limit` bytes at most; undefined when the stream has not come so far. A piece without
   * bytes is a cut up to the end of what was produced.
   */
  read(
    stream: StreamName,
    offset: bigint,
    limit: number,
  ): Promise<OutputPiece | undefined>;
}

/** When the journal gives up what nobody has taken. */
export interface Expiry {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** A finished command's output stays so long, counted from the first look at it. */
  readonly maxAgeMs: number;
  /** All commands together. */
  readonly maxBytes: number;
}

/** What a journal keeps at most: 30 days and 1 GiB. */
export const EXPIRY: Omit<Expiry, "now"> = {
  maxAgeMs: 30 * 24 * 60 * 60 * 1000,
  maxBytes: 1_073_741_824,
};

/** What an Agent keeps on its disk: protocol.md section 5. One process a journal. */
export interface Journal extends AsyncDisposable {
  /** A random id of this journal; a new or damaged one, or another machine, has a new one. */
  readonly instance: string;
  /** The highest id that was ever to be accepted, 0 at first. Of one that could not be kept, only this agent knows. */
  readonly lastCommandId: bigint;
  /** What commands and their output take on the disk, in bytes. */
  readonly size: number;
  /** The file of commands and results, in bytes. */
  readonly logSize: number;
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
   * @throws {PiriError} DISK if it cannot be kept: the command must be refused. BUSY beyond 1,000 entries. REFUSED if
   * the id is not above every one that was asked for. INVALID_ARGUMENT if it is over 1 MiB.
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
   * Gives up old output as a cut, and of results all but what tells how the command ended; the oldest first where there
   * is too much. To be called now and then. Resolves to the bytes given up; never rejects.
   */
  expire(limits: Expiry): Promise<number>;
}
