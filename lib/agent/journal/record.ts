import { PiriError } from "../../base/errors.ts";
import type { ProcessIdentity } from "../../operations/operation.ts";
import {
  type CommandName,
  RecordReader,
  RecordWriter,
} from "./record_bytes.ts";

/** Version of the journal's files that this build writes. */
export const JOURNAL_VERSION = 1;

/** Length of the longest record, in bytes. A command or a result is at most 256 KiB. */
export const MAX_RECORD_BYTES = 1_048_576;

/** Facts about the journal itself. */
export interface Header {
  readonly instance: string;
  readonly machineId: string;
  /** Identifies the current boot of the system; empty if the system has no such id. */
  readonly bootId: string;
  readonly session: bigint;
  readonly lastCommandId: bigint;
  /** Number above the key of every command that ever had files here. */
  readonly nextKey: number;
}

/**
 * Record of the journal. `key` is the number of a command in this journal, because ids of legacy Managers repeat.
 *
 * A result carries the name of its command, so that it can be delivered even if the record of the command was damaged.
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
    /** Length of each stream, in bytes. */
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

/** True if a record may begin with this byte. */
export function isKind(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 1 && byte <= KINDS.length;
}

/** Encodes a record. */
export function encodeRecord(record: JournalRecord): Uint8Array<ArrayBuffer> {
  const out = new RecordWriter();
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
 * Decodes a record.
 *
 * @throws {PiriError} CORRUPT if a newer build wrote it.
 * @throws {RangeError} if the bytes are no record.
 */
export function decodeRecord(bytes: Uint8Array<ArrayBuffer>): JournalRecord {
  const from = new RecordReader(bytes);
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
