import { PiriError } from "../../base/errors.ts";
import type { ProcessIdentity } from "../../operations/operation.ts";

/** The version of the journal's files that this build writes. */
export const JOURNAL_VERSION = 1;

/** The longest record, in bytes: a command and a result are 256 KiB at most. */
export const LONGEST_RECORD = 1_048_576;

/** What the journal says of itself. */
export interface Header {
  readonly instance: string;
  readonly machineId: string;
  /** Names the time from one start of the system to the next; empty if the system has no such name. */
  readonly bootId: string;
  readonly session: bigint;
  readonly lastCommandId: bigint;
  /** Above the number of every command that ever had files here. */
  readonly nextKey: number;
}

/** Which command, as its Manager names it. */
export interface CommandName {
  readonly id: bigint;
  readonly nonce: bigint;
  readonly managerId: string;
}

/** False for commands of legacy Managers, whose ids repeat. */
export function hasUniqueId({ managerId }: CommandName): boolean {
  return managerId !== "";
}

/**
 * A line of the journal. `key` is the number of a command in this journal, for ids of legacy Managers repeat.
 *
 * A result says whose it is, so that it can be delivered even where the line of its command was damaged.
 */
export type JournalRecord =
  | { readonly kind: "header" } & Header
  | { readonly kind: "session"; readonly session: bigint }
  | {
    readonly kind: "accepted";
    readonly key: number;
    readonly command: Uint8Array;
  } & CommandName
  | {
    readonly kind: "started";
    readonly key: number;
    readonly processes: readonly ProcessIdentity[];
  }
  | {
    readonly kind: "finished";
    readonly key: number;
    /** What the streams had in all. */
    readonly stdout: number;
    readonly stderr: number;
    readonly result: Uint8Array;
  } & CommandName
  | {
    readonly kind: "acknowledged";
    readonly key: number;
    readonly stdout: number;
    readonly stderr: number;
  }
  | { readonly kind: "seen"; readonly key: number; readonly at: number }
  | { readonly kind: "forgotten"; readonly key: number };

const KINDS = [
  "header",
  "session",
  "accepted",
  "started",
  "finished",
  "acknowledged",
  "seen",
  "forgotten",
] as const;

/** Whether a record may begin with this byte. */
export function isKind(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 1 && byte <= KINDS.length;
}

/** A line as bytes. */
export function encodeRecord(record: JournalRecord): Uint8Array<ArrayBuffer> {
  const out = new Writer();
  out.number(1, KINDS.indexOf(record.kind) + 1);
  switch (record.kind) {
    case "header":
      out.number(2, JOURNAL_VERSION);
      out.text(record.instance).text(record.machineId).text(record.bootId);
      out.bigint(record.session).bigint(record.lastCommandId);
      return out.number(6, record.nextKey).bytes();
    case "session":
      return out.bigint(record.session).bytes();
    case "accepted":
      out.number(6, record.key).name(record);
      return out.blob(record.command).bytes();
    case "started":
      out.number(6, record.key).number(4, record.processes.length);
      for (const { pid, startTime } of record.processes) {
        out.number(6, pid).text(startTime);
      }
      return out.bytes();
    case "finished":
      out.number(6, record.key).name(record);
      out.number(7, record.stdout).number(7, record.stderr);
      return out.blob(record.result).bytes();
    case "acknowledged":
      out.number(6, record.key);
      return out.number(7, record.stdout).number(7, record.stderr).bytes();
    case "seen":
      return out.number(6, record.key).number(7, record.at).bytes();
    case "forgotten":
      return out.number(6, record.key).bytes();
  }
}

/**
 * A line from its bytes.
 *
 * @throws {PiriError} CORRUPT if a newer build wrote it, RangeError if it is none.
 */
export function decodeRecord(bytes: Uint8Array<ArrayBuffer>): JournalRecord {
  const from = new Reader(bytes);
  const kind = KINDS[from.number(1) - 1];
  switch (kind) {
    case "header": {
      const version = from.number(2);
      if (version > JOURNAL_VERSION) {
        throw new PiriError(
          "CORRUPT",
          `Cannot read the journal: its version is ${version}, this build knows ${JOURNAL_VERSION}`,
        );
      }
      return {
        kind,
        instance: from.text(),
        machineId: from.text(),
        bootId: from.text(),
        session: from.bigint(),
        lastCommandId: from.bigint(),
        nextKey: from.number(6),
      };
    }
    case "session":
      return { kind, session: from.bigint() };
    case "accepted":
      return {
        kind,
        key: from.number(6),
        ...from.name(),
        command: from.blob(),
      };
    case "started": {
      const key = from.number(6);
      const processes = Array.from(
        { length: from.number(4) },
        () => ({ pid: from.number(6), startTime: from.text() }),
      );
      return { kind, key, processes };
    }
    case "finished":
      return {
        kind,
        key: from.number(6),
        ...from.name(),
        stdout: from.number(7),
        stderr: from.number(7),
        result: from.blob(),
      };
    case "acknowledged":
      return {
        kind,
        key: from.number(6),
        stdout: from.number(7),
        stderr: from.number(7),
      };
    case "seen":
      return { kind, key: from.number(6), at: from.number(7) };
    case "forgotten":
      return { kind, key: from.number(6) };
    default:
      throw new RangeError("Cannot read a line of the journal: unknown kind");
  }
}

class Writer {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** Unsigned, big-endian, in so many bytes. */
  number(size: number, value: number): this {
    const part = new Uint8Array(size);
    let rest = value;
    for (let i = size - 1; i >= 0; i--) {
      part[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return this.#add(part);
  }

  /** 64 bits, signed or not. */
  bigint(value: bigint): this {
    const part = new Uint8Array(8);
    new DataView(part.buffer).setBigInt64(0, BigInt.asIntN(64, value));
    return this.#add(part);
  }

  blob(bytes: Uint8Array): this {
    return this.number(4, bytes.length).#add(bytes);
  }

  text(text: string): this {
    return this.blob(new TextEncoder().encode(text));
  }

  name({ id, nonce, managerId }: CommandName): this {
    return this.bigint(id).bigint(nonce).text(managerId);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #add(part: Uint8Array): this {
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }
}

class Reader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  number(size: number): number {
    return this.#take(size).reduce((value, byte) => value * 256 + byte, 0);
  }

  bigint(): bigint {
    return this.#view().getBigInt64(0);
  }

  /** A copy, so that one line does not keep the whole file in memory. */
  blob(): Uint8Array<ArrayBuffer> {
    return this.#take(this.number(4)).slice();
  }

  text(): string {
    return new TextDecoder().decode(this.#take(this.number(4)));
  }

  name(): CommandName {
    return {
      id: this.bigint(),
      nonce: this.#view().getBigUint64(0),
      managerId: this.text(),
    };
  }

  #view(): DataView<ArrayBuffer> {
    const { buffer, byteOffset } = this.#take(8);
    return new DataView(buffer, byteOffset, 8);
  }

  #take(size: number): Uint8Array<ArrayBuffer> {
    const end = this.#at + size;
    if (end > this.#bytes.length) {
      throw new RangeError("Cannot read a line of the journal: it is short");
    }
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}
