import stringWidth from "string-width";

/** Width of a text in columns of a terminal: Unicode's East Asian Width, emoji and combining marks. */
export function widthOf(text: string): number {
  return stringWidth(text, { countAnsiEscapeCodes: true });
}
