/**
 * Names of files as text. On Linux a name is bytes, and some are not UTF-8: each byte that is none stands as a lone
 * surrogate, U+DC80 to U+DCFF, which no UTF-8 can be decoded to. So every name has one text, and every text one name.
 *
 * Source: PEP 383, "Non-decodable Bytes in System Character Interfaces".
 */

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ESCAPES = 0xdc00;

/** Text of a name. */
export function nameOfBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return escaped(bytes);
  }
}

function escaped(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at] ?? 0;
    const length = lengthFrom(byte);
    const character = length === 0
      ? undefined
      : tryDecode(bytes.subarray(at, at + length));
    text += character ?? String.fromCharCode(ESCAPES + byte);
    at += character === undefined ? 1 : length;
  }
  return text;
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Length of the UTF-8 sequence that begins with this byte; 0 if none does. */
function lengthFrom(byte: number): number {
  if (byte < 0x80) return 1;
  if (byte >= 0xc2 && byte < 0xe0) return 2;
  if (byte >= 0xe0 && byte < 0xf0) return 3;
  return byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
}

/** Bytes of a name. */
export function bytesOfName(name: string): Uint8Array<ArrayBuffer> {
  if (name.isWellFormed()) return encoder.encode(name);
  const bytes: number[] = [];
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0;
    if (isEscape(code)) bytes.push(code - ESCAPES);
    else bytes.push(...encoder.encode(character));
  }
  return new Uint8Array(bytes);
}

function isEscape(code: number): boolean {
  return code >= ESCAPES + 0x80 && code <= ESCAPES + 0xff;
}

/** A name for people: a byte that is no text stands as \xNN. */
export function shownName(name: string): string {
  return name.replace(
    /[\udc80-\udcff]/gu,
    (escape) => `\\x${(escape.charCodeAt(0) - ESCAPES).toString(16)}`,
  );
}

/** True for a text that can be the name of one file in a folder. */
export function isFileName(name: string): boolean {
  if (name === "" || name === "." || name === "..") return false;
  if (/[/\0]/.test(name)) return false;
  if (Deno.build.os === "windows" && /[\\:]/.test(name)) return false;
  return [...name].every((character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0xd800 || code > 0xdfff || isEscape(code);
  });
}
