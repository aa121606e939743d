import { PiriError } from "../../lib/base/errors.ts";

const MAGIC_64 = 0xfeedfacf;
const HEADER_BYTES = 32;
const SEGMENT_BYTES = 72;

const LC_REQ_DYLD = 0x8000_0000;
const LC_SYMTAB = 0x2;
const LC_DYSYMTAB = 0xb;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;

/**
 * Places of offsets in commands, from the start of the command. All that they name is in `__LINKEDIT`. The numbers are
 * those of <mach-o/loader.h>.
 */
const OFFSETS: Readonly<Record<number, readonly number[]>> = {
  [LC_SYMTAB]: [8, 16],
  [LC_DYSYMTAB]: [32, 40, 48, 56, 64, 72],
  // LC_SEGMENT_SPLIT_INFO, LC_FUNCTION_STARTS, LC_DATA_IN_CODE, LC_DYLIB_CODE_SIGN_DRS, LC_LINKER_OPTIMIZATION_HINT
  0x1e: [8],
  0x26: [8],
  0x29: [8],
  0x2b: [8],
  0x2e: [8],
  [LC_CODE_SIGNATURE]: [8],
  // LC_DYLD_INFO, LC_DYLD_INFO_ONLY
  0x22: [8, 16, 24, 32, 40],
  [0x22 + LC_REQ_DYLD]: [8, 16, 24, 32, 40],
  // LC_DYLD_EXPORTS_TRIE, LC_DYLD_CHAINED_FIXUPS
  [0x33 + LC_REQ_DYLD]: [8],
  [0x34 + LC_REQ_DYLD]: [8],
};

/** One command of the loader. */
export interface LoadCommand {
  readonly kind: number;
  /** Offset and length of the command itself. */
  readonly at: number;
  readonly size: number;
}

/** Part of a file that macOS maps into memory. */
export interface Segment extends LoadCommand {
  readonly name: string;
  readonly address: number;
  readonly memory: number;
  readonly offset: number;
  readonly bytes: number;
}

/** Load commands of a 64-bit Mach-O file. */
export interface MachO {
  readonly commands: readonly LoadCommand[];
  readonly segments: readonly Segment[];
  /** Place of the code signature, if there is one. */
  readonly signature:
    | { readonly offset: number; readonly size: number }
    | undefined;
}

/**
 * Reads the load commands of a 64-bit little-endian Mach-O file.
 *
 * @throws {PiriError} CORRUPT
 */
export function readMachO(file: Uint8Array): MachO {
  const view = viewOf(file);
  if (file.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC_64) {
    throw corrupt("it is no 64-bit little-endian one");
  }
  const end = HEADER_BYTES + view.getUint32(20, true);
  if (end > file.length) throw corrupt("it ends within its load commands");
  const commands: LoadCommand[] = [];
  let at = HEADER_BYTES;
  for (let left = view.getUint32(16, true); left > 0; left--) {
    const size = at + 8 > end ? 0 : view.getUint32(at + 4, true);
    if (size < 8 || at + size > end) {
      throw corrupt("a load command is longer than their table");
    }
    commands.push({ kind: view.getUint32(at, true), at, size });
    at += size;
  }
  const segments = commands
    .filter(({ kind, size }) => kind === LC_SEGMENT_64 && size >= SEGMENT_BYTES)
    .map((command): Segment => ({
      ...command,
      name: textAt(file, command.at + 8, 16),
      address: numberAt(view, command.at + 24),
      memory: numberAt(view, command.at + 32),
      offset: numberAt(view, command.at + 40),
      bytes: numberAt(view, command.at + 48),
    }));
  const signed = commands.find(({ kind }) => kind === LC_CODE_SIGNATURE);
  return {
    commands,
    segments,
    signature: signed && {
      offset: view.getUint32(signed.at + 8, true),
      size: view.getUint32(signed.at + 12, true),
    },
  };
}

/** Segment that `deno compile` adds on arm64. Its one section is the payload. */
export const PAYLOAD_SEGMENT = "__SUI";

/**
 * Copy of a compiled program for macOS without its payload. The signature, which is void then, keeps its place:
 * compiling writes it again.
 *
 * Compiling would otherwise put a new payload behind the old one, and the old program would run.
 *
 * @throws {PiriError} CORRUPT if it is none
 */
export function emptyMachO(file: Uint8Array): Uint8Array<ArrayBuffer> {
  const { segments } = readMachO(file);
  const payload = segments.find(({ name }) => name === PAYLOAD_SEGMENT);
  const link = segments.at(-1);
  if (link?.name !== "__LINKEDIT") {
    throw corrupt('"__LINKEDIT" is not its last segment');
  }
  return payload === undefined
    ? withoutTail(file, link)
    : withoutSegment(file, payload, link);
}

/** Takes out the segment in front of `__LINKEDIT`, and moves all that is behind it. */
function withoutSegment(
  file: Uint8Array,
  payload: Segment,
  link: Segment,
): Uint8Array<ArrayBuffer> {
  if (
    link.at !== payload.at + payload.size ||
    link.offset !== payload.offset + payload.bytes ||
    link.address !== payload.address + payload.memory
  ) {
    throw corrupt(`"${PAYLOAD_SEGMENT}" is not in front of "__LINKEDIT"`);
  }
  const empty = new Uint8Array(file.length - payload.bytes);
  empty.set(file.subarray(0, payload.offset));
  empty.set(file.subarray(link.offset), payload.offset);
  const view = viewOf(empty);
  const commandsEnd = HEADER_BYTES + view.getUint32(20, true);
  empty.copyWithin(payload.at, link.at, commandsEnd);
  empty.fill(0, commandsEnd - payload.size, commandsEnd);
  view.setUint32(16, view.getUint32(16, true) - 1, true);
  view.setUint32(20, view.getUint32(20, true) - payload.size, true);

  for (const { kind, at } of readMachO(empty).commands) {
    for (const field of OFFSETS[kind] ?? []) {
      const offset = view.getUint32(at + field, true);
      if (offset < link.offset) continue; // There is none: it is 0.
      view.setUint32(at + field, offset - payload.bytes, true);
    }
  }
  view.setBigUint64(payload.at + 24, BigInt(payload.address), true);
  view.setBigUint64(payload.at + 40, BigInt(payload.offset), true);
  return empty;
}

/** Mark of a payload at the end of a program for Intel, before a number and the length of what follows. */
const TAIL_MARK = new TextEncoder().encode("<~sui-data~>");
const TAIL_HEADER_BYTES = TAIL_MARK.length + 4 + 8;

/**
 * Place of the payload at the end of a program for Intel, with its header; undefined if there is none. It counts as part
 * of the table of strings.
 */
export function tailOf(file: Uint8Array): number | undefined {
  const view = viewOf(file);
  for (let at = file.length - TAIL_HEADER_BYTES; at >= 0; at--) {
    if (
      TAIL_MARK.every((byte, index) => file[at + index] === byte) &&
      at + TAIL_HEADER_BYTES + numberAt(view, at + 16) === file.length
    ) return at;
  }
  return undefined;
}

function withoutTail(
  file: Uint8Array,
  link: Segment,
): Uint8Array<ArrayBuffer> {
  const tail = tailOf(file);
  const symbols = readMachO(file).commands
    .find(({ kind }) => kind === LC_SYMTAB);
  if (tail === undefined || symbols === undefined || tail < link.offset) {
    throw corrupt("it has no payload");
  }
  const empty = new Uint8Array(file.subarray(0, tail));
  const view = viewOf(empty);
  const strings = view.getUint32(symbols.at + 16, true);
  view.setUint32(symbols.at + 20, tail - strings, true);
  view.setBigUint64(link.at + 32, BigInt(tail - link.offset), true);
  view.setBigUint64(link.at + 48, BigInt(tail - link.offset), true);
  return empty;
}

function viewOf(file: Uint8Array): DataView {
  return new DataView(file.buffer, file.byteOffset, file.byteLength);
}

function numberAt(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function textAt(file: Uint8Array, at: number, length: number): string {
  const bytes = file.subarray(at, at + length);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function corrupt(reason: string): PiriError {
  return new PiriError("CORRUPT", `Cannot read the Mach-O file: ${reason}`);
}
