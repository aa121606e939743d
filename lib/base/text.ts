/** Cuts text to at most `limit` bytes of UTF-8, between two characters. */
export function cutText(text: string, limit: number): string {
  // A UTF-16 unit takes at most 3 bytes of UTF-8, so most texts need no look.
  if (text.length * 3 <= limit) return text;
  const bytes = new Uint8Array(limit);
  const { read } = new TextEncoder().encodeInto(text, bytes);
  return text.slice(0, read);
}

/** The end of a text, at most `limit` bytes of UTF-8, from the beginning of a character on. */
export function endOfText(text: string, limit: number): string {
  if (text.length * 3 <= limit) return text;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= limit) return text;
  let start = bytes.length - limit;
  // RFC 3629 section 3: the bytes after the first one of a character begin with 10.
  while (start < bytes.length && (bytes[start] ?? 0) >> 6 === 0b10) start++;
  return new TextDecoder().decode(bytes.subarray(start));
}
