import { crc32 } from "node:zlib";

/** What stands before each record in the journal's files: its length and checksum, 32 bits each, big-endian. */
export const FRAME_HEADER = 8;

/** A record between header and header. */
export interface Frame {
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Where the next one begins. */
  readonly end: number;
}

/** Records as they lie in a file. */
export function frame(
  payloads: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const size = payloads.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(size + payloads.length * FRAME_HEADER);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const payload of payloads) {
    view.setUint32(at, payload.length);
    view.setUint32(at + 4, crc32(payload));
    bytes.set(payload, at + FRAME_HEADER);
    at += FRAME_HEADER + payload.length;
  }
  return bytes;
}

/** What is at a place of a file: a record, none that is whole, or the beginning of one that goes on beyond the bytes. */
export function frameAt(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  longest: number,
): Frame | "damaged" | "incomplete" {
  if (bytes.length - at < FRAME_HEADER) return "incomplete";
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER);
  const length = view.getUint32(0);
  // An empty record is never written: eight zero bytes, as a disk leaves them after a power cut, would be one.
  if (length === 0 || length > longest) return "damaged";
  const end = at + FRAME_HEADER + length;
  if (end > bytes.length) return "incomplete";
  const payload = bytes.subarray(at + FRAME_HEADER, end);
  return crc32(payload) === view.getUint32(4) ? { payload, end } : "damaged";
}
