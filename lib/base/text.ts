/** Cuts text to so many bytes of UTF-8, between two characters. */
export function cutText(text: string, limit: number): string {
  const bytes = new Uint8Array(limit);
  const { read } = new TextEncoder().encodeInto(text, bytes);
  return text.slice(0, read);
}
