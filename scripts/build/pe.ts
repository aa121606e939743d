import { PiriError } from "../../lib/base/errors.ts";

/** Section that `deno compile` adds: the resources of the program, its payload among them. */
const PAYLOAD_SECTION = ".pedata";

const SECTION_BYTES = 40;
/** Number of the resource directory among the data directories. */
const RESOURCES = 2;

/** Part of a 64-bit PE file that Windows maps into memory. */
export interface PeSection {
  readonly name: string;
  /** Bytes of it in memory, and where, from the start of the image. */
  readonly virtualSize: number;
  readonly virtualAddress: number;
  /** Bytes of it in the file, and where. */
  readonly size: number;
  readonly offset: number;
}

/** Headers of a 64-bit PE file. */
export interface PeImage {
  readonly sections: readonly PeSection[];
  /** Bytes of the whole image in memory. */
  readonly sizeOfImage: number;
  /** Place of the directory of resources, from the start of the image. */
  readonly resources: { readonly address: number; readonly size: number };
  /** Offsets in the file of what `emptyPe` changes. */
  readonly at: {
    readonly count: number;
    readonly sizeOfImage: number;
    readonly resources: number;
    readonly sections: number;
  };
  readonly sectionAlignment: number;
}

/**
 * Reads the headers of a 64-bit PE file, as Microsoft's "PE Format" describes them.
 *
 * @throws {PiriError} CORRUPT
 */
export function readPe(file: Uint8Array): PeImage {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const pe = file.length < 64 ? 0 : view.getUint32(0x3c, true);
  const optional = pe + 24;
  if (
    file.length < optional + 240 || view.getUint16(0, true) !== 0x5a4d ||
    view.getUint32(pe, true) !== 0x4550 ||
    view.getUint16(optional, true) !== 0x20b
  ) {
    throw corrupt("it is no 64-bit one");
  }
  const table = optional + view.getUint16(pe + 20, true);
  const count = view.getUint16(pe + 6, true);
  if (file.length < table + SECTION_BYTES * count) {
    throw corrupt("it ends within its table of sections");
  }
  const resources = optional + 112 + 8 * RESOURCES;
  return {
    sections: Array.from({ length: count }, (_, index) => {
      const at = table + SECTION_BYTES * index;
      return {
        name: textAt(file, at, 8),
        virtualSize: view.getUint32(at + 8, true),
        virtualAddress: view.getUint32(at + 12, true),
        size: view.getUint32(at + 16, true),
        offset: view.getUint32(at + 20, true),
      };
    }),
    sizeOfImage: view.getUint32(optional + 56, true),
    resources: {
      address: view.getUint32(resources, true),
      size: view.getUint32(resources + 4, true),
    },
    at: {
      count: pe + 6,
      sizeOfImage: optional + 56,
      resources,
      sections: table,
    },
    sectionAlignment: view.getUint32(optional + 32, true),
  };
}

/**
 * Copy of a compiled program for Windows without its payload.
 *
 * Compiling again would put a new payload into the section of the old one, and not enlarge the image: what is longer
 * than the old one would not be in memory.
 *
 * @throws {PiriError} CORRUPT if it is none
 */
export function emptyPe(file: Uint8Array): Uint8Array<ArrayBuffer> {
  const { sections, resources, at, sectionAlignment } = readPe(file);
  const payload = sections.at(-1);
  const before = sections.at(-2);
  if (
    payload?.name !== PAYLOAD_SECTION || before === undefined ||
    resources.address !== payload.virtualAddress ||
    payload.offset + payload.size !== file.length
  ) {
    throw corrupt(`"${PAYLOAD_SECTION}" is not the last part of it`);
  }
  const empty = new Uint8Array(file.subarray(0, payload.offset));
  const view = new DataView(empty.buffer);
  view.setUint16(at.count, sections.length - 1, true);
  const end = before.virtualAddress + before.virtualSize;
  view.setUint32(
    at.sizeOfImage,
    Math.ceil(end / sectionAlignment) * sectionAlignment,
    true,
  );
  view.setBigUint64(at.resources, 0n, true);
  const entry = at.sections + SECTION_BYTES * (sections.length - 1);
  empty.fill(0, entry, entry + SECTION_BYTES);
  return empty;
}

function textAt(file: Uint8Array, at: number, length: number): string {
  const bytes = file.subarray(at, at + length);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function corrupt(reason: string): PiriError {
  return new PiriError("CORRUPT", `Cannot read the PE file: ${reason}`);
}
