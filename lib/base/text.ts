/** Cuts text to so many bytes of UTF-8, between two characters. */
export function cutText(text: string, limit: number): string {
  // No character takes more, so most texts need not be looked at.
  if (text.length * 3 <= limit) return text;
  const bytes = new Uint8Array(limit);
  const { read } = new TextEncoder().encodeInto(text, bytes);
  return text.slice(0, read);
}
