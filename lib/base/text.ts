/** Cuts text to at most `limit` bytes of UTF-8, between two characters. */
export function cutText(text: string, limit: number): string {
  // A UTF-16 unit takes at most 3 bytes of UTF-8, so most texts need no look.
  if (text.length * 3 <= limit) return text;
  const bytes = new Uint8Array(limit);
  const { read } = new TextEncoder().encodeInto(text, bytes);
  return text.slice(0, read);
}
