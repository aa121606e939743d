import stringWidth from "string-width";

/** How many columns of a terminal a text takes: Unicode's East Asian Width, emoji and combining marks. */
export function widthOf(text: string): number {
  return stringWidth(text, { countAnsiEscapeCodes: true });
}
