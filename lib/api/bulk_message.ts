import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Less is encoded as well in the general way. */
export const BULK_BYTES = 4_096;

/** A protobuf message with one message in it, whose last field is many bytes. */
export interface BulkMessage {
  /** Of the outer message what comes before the inner one, encoded. */
  readonly before: Uint8Array;
  /** The number of the inner message in the outer one. */
  readonly outer: number;
  /** The inner message without its bytes, encoded. */
  readonly inner: Uint8Array;
  /** The number of the bytes in the inner message, where it is the highest. */
  readonly field: number;
  readonly bytes: Uint8Array;
}

/** What `toBinary` gives, with the bytes copied once, where it copies them four times; behind some room. */
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
