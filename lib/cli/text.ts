/**
 * C0 but for newline and tab, DEL, C1, and the characters that reorder what is read: on a terminal they could move the
 * cursor, rename the window or make a line look like another.
 */
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text that is safe to show on a terminal: what could steer it is spelled out, as `\x1b`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    const hex = code.toString(16);
    return code < 0x80 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
  });
}

/** As `printable`, and on one line. */
export function oneLine(text: string): string {
  return printable(
    text.trim().replaceAll(/\s*\r?\n\s*/g, " ").replaceAll("\t", " "),
  );
}

/** A size for people, as 1.5 MiB. */
export function bytesText(bytes: bigint): string {
  let value = Number(bytes);
  for (const unit of ["bytes", "KiB", "MiB", "GiB"]) {
    if (value < 1_024) {
      return `${unit === "bytes" ? value : value.toFixed(1)} ${unit}`;
    }
    value /= 1_024;
  }
  return `${value.toFixed(1)} TiB`;
}
