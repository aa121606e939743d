import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Smallest piece of output that is encoded by hand, in bytes. */
export const BULK_BYTES = 4_096;

/** A message that has another one in its last field. */
export interface OuterMessage {
  /** Encoded fields before that. */
  readonly before?: Uint8Array;
  /** Number of the field. */
  readonly field: number;
}

/** A protobuf message with one large field, which comes last. */
export interface BulkMessage {
  /** Messages around it, the outermost first. */
  readonly outer: readonly OuterMessage[];
  /** Encoded fields before the large one. */
  readonly before: Uint8Array;
  /** Number of the large field. */
  readonly field: number;
  readonly bytes: Uint8Array;
}

/**
 * Encodes a message that reads as that of `toBinary`, behind `room` free bytes. Copies the large field once; `toBinary`
 * copies it twice for each message around it.
 */
export function encodeBulk(
  { outer, before, field, bytes }: BulkMessage,
  room: number,
): Uint8Array<ArrayBuffer> {
  let head = headOf(field, { before, after: bytes.length });
  for (const message of outer.toReversed()) {
    const { before = NOTHING, field } = message;
    const size = head.length + bytes.length;
    head = headOf(field, { before, after: size, head });
  }
  const message = new Uint8Array(room + head.length + bytes.length);
  message.set(head, room);
  message.set(bytes, room + head.length);
  return message;
}

const NOTHING = new Uint8Array();

/** Encodes a message up to the last field of its innermost one; `after` is the size of its last field. */
function headOf(
  field: number,
  { before, after, head = NOTHING }: {
    before: Uint8Array;
    after: number;
    head?: Uint8Array;
  },
): Uint8Array {
  return new BinaryWriter().raw(before)
    .tag(field, WireType.LengthDelimited).uint32(after).raw(head).finish();
}
