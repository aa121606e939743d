/** What a NATS server says: a message, or a line of another kind. */
export type NatsWord =
  | {
    readonly kind: "message";
    readonly subject: string;
    /** Where an answer is to go; "" if none is awaited. */
    readonly reply: string;
    readonly payload: Uint8Array;
  }
  | { readonly kind: "line"; readonly line: string };

const CR = 13;
const decoder = new TextDecoder();

/** What begins at `start` of these bytes, and where that ends; undefined if not all of it has come. */
export function nextWord(
  bytes: Uint8Array,
  start: number,
): { word: NatsWord; end: number } | undefined {
  const lineEnd = bytes.indexOf(CR, start);
  const after = lineEnd + 2;
  if (lineEnd < 0 || after > bytes.length) return undefined;
  const line = decoder.decode(bytes.subarray(start, lineEnd));
  if (!line.startsWith("MSG ")) {
    return { word: { kind: "line", line }, end: after };
  }
  // MSG <subject> <sid> [reply] <bytes>
  const [, subject = "", , ...more] = line.split(" ");
  const size = Number(more.pop());
  const end = after + size + 2;
  if (end > bytes.length) return undefined;
  const payload = bytes.subarray(after, after + size);
  const reply = more[0] ?? "";
  return { word: { kind: "message", subject, reply, payload }, end };
}
