import type { Disk } from "../../base/disk.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { ProcessIdentity } from "../../operations/operation.ts";
import type { EntryState } from "./journal.ts";
import { FRAME_HEADER, frameAt } from "./frame.ts";
import { LOG_FILE } from "./log.ts";
import {
  decodeRecord,
  type Header,
  isKind,
  type JournalRecord,
  MAX_RECORD_BYTES,
} from "./record.ts";
import { type CommandName, hasUniqueId } from "./record_bytes.ts";

const BLOCK = 1_048_576;

/** Unit that a disk writes completely or not at all, in bytes. */
const SECTOR = 512;

/** Stream as recorded in the log. */
export interface LoadedStream {
  /** Bytes that it had in all; undefined if its command was not finished. */
  produced: number | undefined;
  acknowledged: number;
}

/** Command as recorded in the log. */
export interface LoadedEntry {
  readonly key: number;
  readonly name: CommandName;
  readonly command: Uint8Array;
  state: EntryState;
  processes: ProcessIdentity[];
  result: Uint8Array | undefined;
  seenAt: number | undefined;
  readonly stdout: LoadedStream;
  readonly stderr: LoadedStream;
}

/** Journal of an earlier agent. */
export interface LoadedJournal {
  /** Header; undefined if there is no log, or no readable header in it. */
  header: Header | undefined;
  session: bigint;
  lastCommandId: bigint;
  nextKey: number;
  readonly entries: Map<number, LoadedEntry>;
  /** True if more is missing than the end of the last write. */
  damaged: boolean;
  /** Count of good bytes in the file, and whether it has more bytes behind them. */
  size: number;
  torn: boolean;
}

/**
 * Reads the log as far as it can be read.
 *
 * A record that is cut off by the end of the file was being written when the agent died or the power failed. The same
 * is true of a record whose last blocks, up to the end, are zeros. Their content was never confirmed to anybody. Every
 * other unreadable record is damage: then the bytes behind it are searched for more records, and the caller must not
 * rely on facts that the log lacks.
 *
 * @throws {PiriError} CORRUPT if a newer build wrote it, DISK
 */
export async function loadJournal(
  disk: Disk,
  log: Logger,
): Promise<LoadedJournal> {
  const loaded: LoadedJournal = {
    header: undefined,
    session: 0n,
    lastCommandId: 0n,
    nextKey: 1,
    entries: new Map(),
    damaged: false,
    size: 0,
    torn: false,
  };
  const bytes = await readLog(disk, log, loaded);
  let at = 0;
  while (at < bytes.length) {
    const found = frameAt(bytes, at, MAX_RECORD_BYTES);
    const record = typeof found === "string"
      ? undefined
      : decode(found.payload);
    if (typeof found !== "string" && record !== undefined) {
      apply(loaded, record);
      at = found.end;
      loaded.size = at;
      continue;
    }
    const next = findRecord(bytes, at + 1);
    if (next === undefined) {
      loaded.torn = true;
      if (found !== "incomplete" && !isUnwritten(bytes, at)) {
        loaded.damaged = true;
      }
      break;
    }
    loaded.damaged = true;
    at = next;
  }
  if (loaded.header === undefined && bytes.length > 0) loaded.damaged = true;
  return loaded;
}

/** Reads the whole file. Blocks that cannot be read become zeros and count as damage. */
async function readLog(
  disk: Disk,
  log: Logger,
  loaded: LoadedJournal,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await disk.size(LOG_FILE));
  for (let at = 0; at < bytes.length; at += BLOCK) {
    for (let attempt = 1; attempt <= 2; attempt++) {
      try {
        bytes.set(
          await disk.read(LOG_FILE, at, Math.min(BLOCK, bytes.length - at)),
          at,
        );
        break;
      } catch (error) {
        log.error("Cannot read the journal at {at}: {reason}", {
          at,
          reason: messageOf(error),
        });
        if (attempt === 2) loaded.damaged = true;
      }
    }
  }
  return bytes;
}

function decode(payload: Uint8Array<ArrayBuffer>): JournalRecord | undefined {
  try {
    return decodeRecord(payload);
  } catch (error) {
    if (error instanceof PiriError) throw error;
    return undefined;
  }
}

function findRecord(
  bytes: Uint8Array<ArrayBuffer>,
  from: number,
): number | undefined {
  for (let at = from; at + FRAME_HEADER < bytes.length; at++) {
    if (!isKind(bytes[at + FRAME_HEADER])) continue;
    if (typeof frameAt(bytes, at, MAX_RECORD_BYTES) !== "string") return at;
  }
  return undefined;
}

/** True if the file ends in blocks that never reached the disk, as a power cut may leave it. */
function isUnwritten(bytes: Uint8Array, at: number): boolean {
  let written = bytes.length;
  while (written > at && bytes[written - 1] === 0) written--;
  return written === at || Math.ceil(written / SECTOR) * SECTOR < bytes.length;
}

function apply(loaded: LoadedJournal, record: JournalRecord): void {
  if ("key" in record) {
    loaded.nextKey = Math.max(loaded.nextKey, record.key + 1);
  }
  switch (record.kind) {
    case "header":
      loaded.header = record;
      loaded.nextKey = Math.max(loaded.nextKey, record.nextKey);
      raise(loaded, record.lastCommandId);
      loaded.session = max(loaded.session, record.session);
      return;
    case "session":
      loaded.session = max(loaded.session, record.session);
      return;
    case "accepted":
      if (hasUniqueId(record)) raise(loaded, record.id);
      loaded.entries.set(record.key, entryOf(record, record.command));
      return;
    case "finished": {
      if (hasUniqueId(record)) raise(loaded, record.id);
      const entry = loaded.entries.get(record.key) ??
        entryOf(record, new Uint8Array(0));
      loaded.entries.set(record.key, entry);
      entry.state = "finished";
      entry.result = record.result;
      entry.stdout.produced = record.stdout;
      entry.stderr.produced = record.stderr;
      return;
    }
    case "forgotten":
      loaded.entries.delete(record.key);
      return;
  }
  // The record of the command itself is damaged; without its id, this record is of no use.
  const entry = loaded.entries.get(record.key);
  if (entry === undefined) return;
  switch (record.kind) {
    case "started":
      if (entry.state === "accepted") entry.state = "running";
      entry.processes.push(...record.processes);
      return;
    case "acknowledged":
      entry.stdout.acknowledged = record.stdout;
      entry.stderr.acknowledged = record.stderr;
      return;
    case "seen":
      entry.seenAt = record.at;
  }
}

function entryOf(
  { key, id, nonce, managerId }: CommandName & { readonly key: number },
  command: Uint8Array,
): LoadedEntry {
  return {
    key,
    name: { id, nonce, managerId },
    command,
    state: "accepted",
    processes: [],
    result: undefined,
    seenAt: undefined,
    stdout: { produced: undefined, acknowledged: 0 },
    stderr: { produced: undefined, acknowledged: 0 },
  };
}

function raise(loaded: LoadedJournal, id: bigint): void {
  loaded.lastCommandId = max(loaded.lastCommandId, id);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
