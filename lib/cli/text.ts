/** Characters that can control a terminal: C0 except newline and tab, DEL, C1, and those that reorder text. */
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text that is safe on a terminal: control characters are spelled out, as `\x1b`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    const hex = code.toString(16);
    return code < 0x80 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
  });
}

/** `printable` text on one line. */
export function oneLine(text: string): string {
  return printable(
    text.trim().replaceAll(/\s*\r?\n\s*/g, " ").replaceAll("\t", " "),
  );
}

/** A size for people, such as 1.5 MiB. */
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
