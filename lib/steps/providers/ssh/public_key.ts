import { decodeBase64 } from "@std/encoding/base64";
import { quoted, WrongValue } from "../../wrong_value.ts";

/** Public key of ssh. */
export interface PublicKey {
  /** Type of the key, such as ssh-ed25519. */
  readonly type: string;
  /** Bytes of the key in base64. */
  readonly data: string;
}

/** Key of a line, with the rest of the line. */
export interface KeyLine extends PublicKey {
  /** Options before it, as `from="10.0.0.0/8",no-pty`; empty if there are none. */
  readonly options: string;
  /** Text behind it. */
  readonly comment: string;
}

const TYPE =
  /^(?:ssh-|ecdsa-sha2-|sk-ssh-|sk-ecdsa-sha2-|rsa-sha2-)[A-Za-z0-9@.-]+$/;
const DATA = /^[A-Za-z0-9+/]{16,}={0,2}$/;

/** Longest line of a key that is taken, in characters. */
const MAX_LINE = 16_384;

/** Reads a line of authorized_keys; undefined for one without a key, such as a comment. Source: sshd(8). */
export function readKeyLine(line: string): KeyLine | undefined {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return undefined;
  const plain = keyIn(text);
  if (plain !== undefined) return { options: "", ...plain };
  const end = endOfOptions(text);
  if (end === undefined) return undefined;
  const key = keyIn(text.slice(end).trimStart());
  return key === undefined
    ? undefined
    : { options: text.slice(0, end), ...key };
}

/** Line of a key as it is written. */
export function keyLineOf({ options, type, data, comment }: KeyLine): string {
  return [options, type, data, comment].filter((part) => part !== "").join(" ");
}

export function isSameKey(one: PublicKey, other: PublicKey): boolean {
  return one.type === other.type && plain(one.data) === plain(other.data);
}

/** The same bytes may end with or without signs that fill up. */
function plain(data: string): string {
  return data.replace(/=+$/, "");
}

/**
 * Keys of a parameter: one a text, or several as lines of a text.
 *
 * @param read Reads a line; undefined if it has no key.
 * @throws {WrongValue} of the parameter "keys"
 */
export function wantedKeys<Key extends PublicKey>(
  texts: readonly string[],
  read: (line: string) => Key | undefined,
): Key[] {
  const keys: Key[] = [];
  const lines = texts.flatMap((text, index) =>
    text.split("\n").map((line) => ({ line, index }))
  );
  for (const { line, index } of lines) {
    const refused = (why: string) =>
      new WrongValue(
        ["keys", index],
        `${quoted(line.trim())} is not taken: ${why}`,
      );
    if (line.trim() === "" || line.trim().startsWith("#")) continue;
    const key = read(line);
    if (key === undefined || line.length > MAX_LINE || isControl(line)) {
      throw refused("it is no key; write it as in a .pub file");
    }
    if (nameIn(key.data) !== key.type) {
      throw refused(
        `its bytes are not those of a key ${key.type}; copy the whole line of the .pub file`,
      );
    }
    const twin = keys.find((each) => isSameKey(each, key));
    if (twin === undefined) keys.push(key);
    else if (JSON.stringify(twin) !== JSON.stringify(key)) {
      throw refused(
        "it is given twice, with other words around it; leave one out",
      );
    }
  }
  return keys;
}

function keyIn(text: string): Omit<KeyLine, "options"> | undefined {
  const [type = "", data = "", ...comment] = text.split(/[ \t]+/);
  if (!TYPE.test(type) || !DATA.test(data)) return undefined;
  return { type, data, comment: comment.join(" ") };
}

/** End of the options of a line: the first blank outside quotes. */
function endOfOptions(text: string): number | undefined {
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\" && text[at + 1] === '"') at++;
    else if (text[at] === '"') isQuoted = !isQuoted;
    else if (!isQuoted && /[ \t]/.test(text[at] ?? "")) return at;
  }
  return undefined;
}

/** Type that the bytes of a key begin with. */
function nameIn(data: string): string | undefined {
  try {
    const bytes = decodeBase64(data);
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    return new TextDecoder().decode(bytes.subarray(4, 4 + length));
  } catch {
    return undefined;
  }
}

function isControl(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /[\x00-\x08\x0b-\x1f\x7f]/.test(text);
}
