/**
 * Frees the memory of bytes by hand, which nobody uses any more. A thread that passes many large pieces on would
 * otherwise hold a hundred of them until its next collection.
 *
 * Bytes that are a part of a larger buffer stay, because others may use the rest.
 */
export function release({ buffer, byteLength }: Uint8Array): void {
  if (!(buffer instanceof ArrayBuffer)) return;
  if (buffer.byteLength === byteLength) buffer.transfer(0);
}

/** Frees the memory of bytes that have their buffer for themselves, also where they are only a part of it. */
export function releaseWhole({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
