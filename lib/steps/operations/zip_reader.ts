import { PiriError } from "../../base/errors.ts";
import type { OpenEntry } from "./tar_reader.ts";

/** Signatures of the parts of a zip. */
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;

/** Size of the last part without its comment, and of the longest comment, in bytes. */
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 65_535;

/**
 * Reads an archive in the form of zip, by its directory at the end.
 *
 * @throws {PiriError} CORRUPT; UNSUPPORTED for encrypted entries, zip64 and other packings than deflate
 */
export async function* readZip(bytes: Uint8Array): AsyncGenerator<OpenEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = endOf(view);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === 0xffffffff) throw unsupported("it is zip64");
  for (let index = 0; index < count; index++) {
    const entry = entryAt(view, at);
    at = entry.next;
    const name = new TextDecoder().decode(
      bytes.subarray(entry.nameAt, entry.nameAt + entry.nameLength),
    );
    if ((entry.flags & 1) !== 0) throw unsupported(`"${name}" is encrypted`);
    if (entry.method !== 0 && entry.method !== 8) {
      throw unsupported(`"${name}" is packed in another way than deflate`);
    }
    const packed = packedBytes(bytes, view, entry);
    const mode = entry.mode & 0o777;
    const open = () => unpacked(packed, entry, name);
    if (name.endsWith("/")) {
      yield {
        name,
        kind: "folder",
        mode: mode === 0 ? 0o755 : mode,
        size: 0,
        pieces: open,
      };
      continue;
    }
    const isLink = (entry.mode & 0o170000) === 0o120000;
    const target = isLink ? await textOf(open()) : undefined;
    yield {
      name,
      kind: isLink ? "link" : "file",
      mode: mode === 0 ? 0o644 : mode,
      size: isLink ? 0 : entry.size,
      ...target === undefined ? {} : { target },
      pieces: open,
    };
  }
  // Generators without an await are no asynchronous ones for the linter.
  await Promise.resolve();
}

interface CentralEntry {
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  readonly nameAt: number;
  readonly nameLength: number;
  /** Mode with its kind, as Unix has it; 0 from other systems. */
  readonly mode: number;
  readonly localAt: number;
  readonly next: number;
}

function endOf(view: DataView): number {
  const least = Math.max(0, view.byteLength - END_BYTES - MAX_COMMENT_BYTES);
  for (let at = view.byteLength - END_BYTES; at >= least; at--) {
    if (view.getUint32(at, true) === END) return at;
  }
  throw corrupt();
}

function entryAt(view: DataView, at: number): CentralEntry {
  if (at + 46 > view.byteLength || view.getUint32(at, true) !== CENTRAL) {
    throw corrupt();
  }
  const nameLength = view.getUint16(at + 28, true);
  const isUnix = view.getUint8(at + 5) === 3;
  return {
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    packedSize: view.getUint32(at + 20, true),
    size: view.getUint32(at + 24, true),
    nameAt: at + 46,
    nameLength,
    mode: isUnix ? view.getUint16(at + 40, true) : 0,
    localAt: view.getUint32(at + 42, true),
    next: at + 46 + nameLength + view.getUint16(at + 30, true) +
      view.getUint16(at + 32, true),
  };
}

function packedBytes(
  bytes: Uint8Array,
  view: DataView,
  { localAt, packedSize }: CentralEntry,
): Uint8Array {
  if (
    localAt + 30 > view.byteLength || view.getUint32(localAt, true) !== LOCAL
  ) throw corrupt();
  const start = localAt + 30 + view.getUint16(localAt + 26, true) +
    view.getUint16(localAt + 28, true);
  if (start + packedSize > bytes.length) throw corrupt();
  return bytes.subarray(start, start + packedSize);
}

async function* unpacked(
  packed: Uint8Array,
  { method, size, crc }: CentralEntry,
  name: string,
): AsyncGenerator<Uint8Array> {
  const plain = new Blob([packed.slice()]).stream();
  const stream = method === 0
    ? plain
    : plain.pipeThrough(new DecompressionStream("deflate-raw"));
  let [length, sum] = [0, 0xffffffff];
  for await (const piece of stream) {
    length += piece.length;
    // It could unpack to far more than it says.
    if (length > size) break;
    sum = addToSum(sum, piece);
    yield piece;
  }
  if (length === size && (sum ^ 0xffffffff) >>> 0 === crc) return;
  throw new PiriError(
    "CORRUPT",
    `Cannot extract "${name}": its content is not what the archive says`,
  );
}

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return await new Blob(parts.map((part) => part.slice())).text();
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) {
    value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
  }
  return value >>> 0;
});

/** CRC-32 with more bytes, before its last inversion. */
function addToSum(sum: number, bytes: Uint8Array): number {
  let value = sum;
  for (const byte of bytes) {
    value = (TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  }
  return value;
}

function corrupt(): PiriError {
  return new PiriError(
    "CORRUPT",
    "Cannot extract the archive: it is no whole zip",
  );
}

function unsupported(why: string): PiriError {
  return new PiriError("UNSUPPORTED", `Cannot extract the archive: ${why}`);
}
