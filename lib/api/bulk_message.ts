import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Smallest piece of output that is encoded by hand, in bytes. */
export const BULK_BYTES = 4_096;

/** A protobuf message with one message in it whose last field is large. */
export interface BulkMessage {
  /** Encoded fields of the outer message before the inner one. */
  readonly before: Uint8Array;
  /** Field number of the inner message. */
  readonly outer: number;
  /** Encoded inner message without its large field. */
  readonly inner: Uint8Array;
  /** Field number of the large field, which comes last. */
  readonly field: number;
  readonly bytes: Uint8Array;
}

/**
 * Encodes a message that reads as that of `toBinary`, behind `room` free bytes. Copies the large field once; `toBinary` copies it
 * four times.
 */
export function encodeBulk(
  { before, outer, inner, field, bytes }: BulkMessage,
  room: number,
): Uint8Array<ArrayBuffer> {
  const tail = new BinaryWriter()
    .tag(field, WireType.LengthDelimited).uint32(bytes.length).finish();
  const head = new BinaryWriter().raw(before)
    .tag(outer, WireType.LengthDelimited)
    .uint32(inner.length + tail.length + bytes.length)
    .raw(inner).raw(tail).finish();
  const message = new Uint8Array(room + head.length + bytes.length);
  message.set(head, room);
  message.set(bytes, room + head.length);
  return message;
}
