import { PiriError } from "../../base/errors.ts";

const BLOCK = 512;

/** Longest header of names, in bytes. */
const MAX_HEADER_BYTES = 1_048_576;

/** Entry of an archive. */
export interface ArchiveEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "copy";
  readonly mode: number;
  readonly size: number;
  /** Text of a link, or the name of the entry whose content a copy has. */
  readonly target?: string;
}

/** Entry with its content. */
export interface OpenEntry extends ArchiveEntry {
  /** Bytes of a file, once and before the next entry. What is not read is skipped. */
  pieces(): AsyncIterable<Uint8Array>;
}

/**
 * Reads an archive in the form of tar: POSIX with pax headers, and the long names of GNU.
 *
 * @throws {PiriError} CORRUPT; UNSUPPORTED for what is no file, folder or link
 */
export async function* readTar(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<OpenEntry> {
  const source = new Source(pieces);
  let more: Readonly<Record<string, string>> = {};
  for (;;) {
    const header = await source.take(BLOCK);
    if (header === undefined || header.every((byte) => byte === 0)) return;
    requireSum(header);
    const size = numberAt(header, 124, 12);
    const type = String.fromCharCode(header[156] ?? 0);
    if ("xgLK".includes(type) && type !== "\0") {
      const body = await source.whole(size);
      if (type === "x") more = { ...more, ...paxOf(body) };
      if (type === "L") more = { ...more, path: textOf(body) };
      if (type === "K") more = { ...more, linkpath: textOf(body) };
      continue;
    }
    const entry = entryOf(header, type, { ...more, plainSize: String(size) });
    more = {};
    let left = entry.kind === "file" ? entry.size : size;
    const padding = (BLOCK - (left % BLOCK)) % BLOCK;
    const read = async function* () {
      while (left > 0) {
        const piece = await source.some(left);
        left -= piece.length;
        yield piece;
      }
    };
    yield { ...entry, pieces: read };
    for await (const _ of read());
    await source.skip(padding);
  }
}

function entryOf(
  header: Uint8Array,
  type: string,
  more: Readonly<Record<string, string>>,
): ArchiveEntry {
  const prefix = textOf(header.subarray(257, 262)) === "ustar"
    ? textOf(header.subarray(345, 500))
    : "";
  const own = textOf(header.subarray(0, 100));
  const name = more["path"] ?? (prefix === "" ? own : `${prefix}/${own}`);
  const mode = numberAt(header, 100, 8) & 0o777;
  const target = more["linkpath"] ?? textOf(header.subarray(157, 257));
  switch (type) {
    case "0":
    case "\0":
    case "7": {
      // Before POSIX, a slash at the end was a folder.
      if (name.endsWith("/")) return { name, kind: "folder", mode, size: 0 };
      const size = Number(more["size"] ?? more["plainSize"]);
      if (!Number.isSafeInteger(size) || size < 0) throw corrupt("a size");
      return { name, kind: "file", mode, size };
    }
    case "1":
      return { name, kind: "copy", mode, size: 0, target };
    case "2":
      return { name, kind: "link", mode, size: 0, target };
    case "5":
      return { name, kind: "folder", mode, size: 0 };
    default:
      throw new PiriError(
        "UNSUPPORTED",
        `Cannot extract "${name}": it is of the type "${type}", and only files, folders and links are extracted`,
      );
  }
}

function requireSum(header: Uint8Array): void {
  const sum = header.reduce(
    (total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte),
    0,
  );
  if (sum !== numberAt(header, 148, 8)) throw corrupt("a header");
}

/** Number in octal digits, or in base 256 if its first bit is set. */
function numberAt(header: Uint8Array, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    return field.subarray(1).reduce((value, byte) => value * 256 + byte, 0);
  }
  const text = textOf(field).trim();
  if (text === "") return 0;
  if (!/^[0-7]+$/.test(text)) throw corrupt("a number");
  return parseInt(text, 8);
}

/** Records of a pax header: "LENGTH KEY=VALUE" and a line feed. */
function paxOf(body: Uint8Array): Record<string, string> {
  const records: Record<string, string> = {};
  const decoder = new TextDecoder();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(32, at);
    const length = Number(decoder.decode(body.subarray(at, space)));
    if (space < 0 || !(length > 0) || at + length > body.length) {
      throw corrupt("a header of names");
    }
    const text = decoder.decode(body.subarray(space + 1, at + length - 1));
    const equals = text.indexOf("=");
    const key = text.slice(0, equals);
    if (key.startsWith("GNU.sparse")) {
      throw new PiriError(
        "UNSUPPORTED",
        "Cannot extract the archive: it has sparse files; pack it without --sparse",
      );
    }
    if (["path", "linkpath", "size"].includes(key)) {
      records[key] = text.slice(equals + 1);
    }
    at += length;
  }
  return records;
}

function textOf(field: Uint8Array): string {
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function corrupt(what: string): PiriError {
  return new PiriError(
    "CORRUPT",
    `Cannot extract the archive: ${what} in it cannot be read`,
  );
}

/** Bytes that come in pieces, taken in other pieces. */
class Source {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Bytes of a given count; undefined at the end. */
  async take(length: number): Promise<Uint8Array | undefined> {
    if (!await this.#fill()) return undefined;
    return await this.#exactly(length);
  }

  /** Small body with its padding. */
  async whole(length: number): Promise<Uint8Array> {
    if (length > MAX_HEADER_BYTES) throw corrupt("a header of names");
    const body = await this.#exactly(length);
    await this.skip((BLOCK - (length % BLOCK)) % BLOCK);
    return body;
  }

  /** Next bytes: at least one, and `most` at most. */
  async some(most: number): Promise<Uint8Array> {
    if (!await this.#fill()) throw corrupt("its end, which is missing,");
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    return piece.slice();
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0;) left -= (await this.some(left)).length;
  }

  async #exactly(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const piece = await this.some(length - at);
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#pieces.next();
      if (done) return false;
      this.#rest = value;
    }
    return true;
  }
}
