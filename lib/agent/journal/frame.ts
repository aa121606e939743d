import { crc32 } from "node:zlib";

/** Size of the header before each record in the journal's files: length and checksum, 32 bits each, big-endian. */
export const FRAME_HEADER = 8;

/** Record without its header. */
export interface Frame {
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Position at which the next record begins. */
  readonly end: number;
}

/** Encodes records as they are stored in a file. */
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

/**
 * Reads the record at a position. The result tells apart a whole record, damage, and a record that continues beyond the
 * bytes.
 */
export function frameAt(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  longest: number,
): Frame | "damaged" | "incomplete" {
  if (bytes.length - at < FRAME_HEADER) return "incomplete";
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER);
  const length = view.getUint32(0);
  // Empty records are never written: eight zero bytes, as a disk may leave them after a power cut, would look like one.
  if (length === 0 || length > longest) return "damaged";
  const end = at + FRAME_HEADER + length;
  if (end > bytes.length) return "incomplete";
  const payload = bytes.subarray(at + FRAME_HEADER, end);
  return crc32(payload) === view.getUint32(4) ? { payload, end } : "damaged";
}
