import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../../base/sha256.ts";
import { auditFile, auditFiles, type ReadableDisk } from "./audit_files.ts";

// Each line names the SHA-256 of the line before it, also across files. So a line that was changed, removed, added or
// moved is found at the line behind it, and a cut end by the mark in head.json.

/** File with the newest mark, in the folder of the record. */
export const HEAD_FILE = "head.json";

/** Place in the chain: the last line, by its number and the SHA-256 of its text. */
export interface ChainMark {
  /** Number of the line; 0 before the first one. */
  readonly seq: number;
  readonly hash: string;
}

/** Newest mark, with the number of the oldest line that is kept. */
export interface ChainHead extends ChainMark {
  readonly first: number;
}

/** Link of a line: its number, and the SHA-256 of the line before it. */
export interface ChainLink {
  readonly seq: number;
  readonly prev: string;
}

/** Mark before the first line of all. */
export const CHAIN_START: ChainMark = { seq: 0, hash: "0".repeat(64) };

/** SHA-256 of the bytes of a line, without its newline. */
export function lineHash(line: Uint8Array): string {
  return encodeHex(sha256(line));
}

/** Link of a line; undefined for one without: of an earlier version, or incomplete. */
export function linkOf(line: Uint8Array): ChainLink | undefined {
  const { seq, prev } = objectOf(line) ?? {};
  return typeof seq === "number" && Number.isSafeInteger(seq) &&
      typeof prev === "string"
    ? { seq, prev }
    : undefined;
}

/** Encodes the mark of the newest line. */
export function encodeHead(head: ChainHead): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(head)}\n`);
}

/** Decodes the mark of the newest line; undefined if it is damaged. */
export function decodeHead(bytes: Uint8Array): ChainHead | undefined {
  const { seq, hash, first } = objectOf(bytes) ?? {};
  return typeof seq === "number" && Number.isSafeInteger(seq) &&
      typeof first === "number" && Number.isSafeInteger(first) &&
      typeof hash === "string"
    ? { seq, hash, first }
    : undefined;
}

/** Number of the oldest line of the chain in these files; 1 if there is none. */
export async function chainBeginning(
  disk: ReadableDisk,
  numbers: readonly number[],
): Promise<number> {
  for (const number of numbers) {
    const lines = await linesOf(disk, number);
    const link = lines.map(linkOf).find((each) => each !== undefined);
    if (link !== undefined) return link.seq;
  }
  return CHAIN_START.seq + 1;
}

/** Finds the end of the chain, in the newest file that has a line. An incomplete last line is a part of it. */
export async function chainEnd(disk: ReadableDisk): Promise<ChainMark> {
  let hash: string | undefined;
  for (const number of (await auditFiles(disk)).toReversed()) {
    const lines = await linesOf(disk, number);
    const last = lines.at(-1);
    if (last === undefined) continue;
    hash ??= lineHash(last);
    const link = lines.map(linkOf).findLast((each) => each !== undefined);
    if (link !== undefined) return { seq: link.seq, hash };
  }
  return { ...CHAIN_START, ...hash === undefined ? {} : { hash } };
}

/** Lines of a file of the record, without empty ones. */
export async function linesOf(
  disk: ReadableDisk,
  number: number,
): Promise<Uint8Array[]> {
  const name = auditFile(number);
  const bytes = await disk.read(name, 0, await disk.size(name));
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    if (end > start) lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

function objectOf(
  bytes: Uint8Array,
): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null
      ? { ...value }
      : undefined;
  } catch {
    return undefined;
  }
}
