import { Limits } from "../../base/limits.ts";
import { cutText, endOfText } from "../../base/text.ts";
import type { StreamName } from "../../operations/operation.ts";
import type { JournalEntry } from "../journal/journal.ts";

/** Mark where output was left out. */
const CUT = "[output was cut]";

/** Bytes that are reserved for marks and line breaks. */
const MARKS_BYTES = 128;

/** Text for a Manager without CommandOutput. */
export interface ResultText {
  readonly text: string;
  /** True if output was left out to make it fit. */
  readonly isCut: boolean;
}

/**
 * Joins the output of a command and a sentence about its end to one text of at most `limit` bytes.
 *
 * The sentence is always whole. Where the output is too long, the middle of the standard output is left out first, then
 * the beginning of the standard error: a reader needs to see how the command failed.
 */
export async function resultText(
  entry: JournalEntry,
  sentence: string,
  limit: number,
): Promise<ResultText> {
  const room = limit - MARKS_BYTES - sizeOf(sentence);
  const stderr = await ends(entry, "stderr", room);
  const stdout = await ends(entry, "stdout", room);
  const forStderr = Math.min(
    stderr.size,
    Math.max(Math.floor(room / 2), room - stdout.size),
  );
  const out = withoutMiddle(stdout, room - forStderr);
  const err = withoutBeginning(stderr, forStderr);
  const all = `${out.text}${err.text}`;
  // Some operations print what they also say at their end.
  const printed = all === `${sentence}\n` ? "" : all;
  return {
    text: [printed, sentence].filter((part) => part !== "").join("\n"),
    isCut: out.isCut || err.isCut,
  };
}

/** Both ends of a stream: all of it twice, if it is short. */
interface Ends {
  readonly head: string;
  readonly tail: string;
  /** True if `head` is the whole stream. */
  readonly isWhole: boolean;
  /** Bytes of the whole as text, at least. */
  readonly size: number;
}

async function ends(
  entry: JournalEntry,
  stream: StreamName,
  room: number,
): Promise<Ends> {
  const total = entry.produced(stream);
  const head = await readText(entry, stream, { from: 0n, length: room });
  const isWhole = total <= BigInt(room);
  const from = isWhole ? 0n : total - BigInt(room);
  const tail = isWhole
    ? head
    : await readText(entry, stream, { from, length: room });
  return { head, tail, isWhole, size: isWhole ? sizeOf(head) : room };
}

/** Reads at most `length` bytes. Gaps of the journal are marked. */
async function readText(
  entry: JournalEntry,
  stream: StreamName,
  { from, length }: { from: bigint; length: number },
): Promise<string> {
  const end = from + BigInt(length);
  const decoder = new TextDecoder();
  let text = "";
  let offset = from;
  while (offset < end) {
    const most = Math.min(Number(end - offset), Limits.chunk);
    const piece = await entry.read(stream, offset, most);
    if (piece === undefined) break;
    if (piece.cut > 0n) text += `\n[${piece.cut} bytes were cut]\n`;
    const isFirst = offset === from && from > 0n && piece.cut === 0n;
    const bytes = isFirst ? fromCharacter(piece.bytes) : piece.bytes;
    // A character may be split across two pieces.
    text += decoder.decode(bytes, { stream: true });
    offset = piece.offset + BigInt(piece.bytes.length);
  }
  // The rest of a character is missing only where the stream itself ends.
  return offset < end || offset === entry.produced(stream)
    ? text + decoder.decode()
    : text;
}

/** The bytes from the first beginning of a UTF-8 character on: RFC 3629 section 3. */
function fromCharacter(bytes: Uint8Array): Uint8Array {
  const start = bytes.subarray(0, 4).findIndex((byte) => byte >> 6 !== 0b10);
  return start > 0 ? bytes.subarray(start) : bytes;
}

function withoutMiddle(
  { head, tail, isWhole, size }: Ends,
  room: number,
): ResultText {
  if (isWhole && size <= room) return { text: head, isCut: false };
  const half = Math.floor(room / 2);
  const text = `${cutText(head, half)}\n${CUT}\n${endOfText(tail, half)}`;
  return { text, isCut: true };
}

function withoutBeginning(
  { tail, isWhole, size }: Ends,
  room: number,
): ResultText {
  if (isWhole && size <= room) return { text: tail, isCut: false };
  return { text: `\n${CUT}\n${endOfText(tail, room)}`, isCut: true };
}

function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
