import { PiriError } from "../../base/errors.ts";
import { bytesOf } from "../file_content.ts";
import type { FileContent } from "../host/host.ts";
import { type OpenEntry, readTar } from "./tar_reader.ts";
import { readZip } from "./zip_reader.ts";

/** Most entries of an archive. */
const MAX_ENTRIES = 200_000;

/** Largest zip, in bytes: it is read as a whole. */
const MAX_ZIP_BYTES = 256 * 1_048_576;

/**
 * Entries of an archive, tar, tar.gz or zip, with names below the folder that it goes to.
 *
 * @param strip number of leading folders that are left out
 * @throws {PiriError} REFUSED for an entry that leaves the folder; CORRUPT, UNSUPPORTED
 */
export async function* archiveEntries(
  archive: FileContent,
  strip: number,
): AsyncGenerator<OpenEntry> {
  let count = 0;
  for await (const entry of await readerOf(archive)) {
    if (++count > MAX_ENTRIES) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot extract the archive: it has more than ${MAX_ENTRIES} entries, which is the limit`,
      );
    }
    const name = placeOf(entry.name, strip);
    if (name === undefined) continue;
    if (entry.kind === "link") {
      requireInside(name, entry.target ?? "");
      yield { ...entry, name };
    } else if (entry.kind === "copy") {
      const target = placeOf(entry.target ?? "", strip);
      if (target === undefined) throw leaves(entry.name);
      yield { ...entry, name, target };
    } else {
      yield { ...entry, name };
    }
  }
}

async function readerOf(
  archive: FileContent,
): Promise<AsyncIterable<OpenEntry>> {
  const [first = 0, second = 0] = await startOf(archive);
  if (first === 0x1f && second === 0x8b) {
    const packed = ReadableStream.from(archive.pieces()) as ReadableStream<
      Uint8Array<ArrayBuffer>
    >;
    return readTar(unzipped(packed));
  }
  if (first === 0x50 && second === 0x4b) {
    return readZip(await bytesOf(archive, MAX_ZIP_BYTES, "the zip"));
  }
  const packings: Readonly<Record<number, string>> = {
    0xfd: "xz",
    0x42: "bzip2",
    0x28: "zstd",
  };
  const packing = packings[first];
  const isTar = packing === undefined || first === 0x42 && second !== 0x5a;
  if (isTar) return readTar(archive.pieces());
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot extract the archive: it is packed by ${packing}; tar, tar.gz and zip can be extracted`,
  );
}

async function* unzipped(
  packed: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* packed.pipeThrough(new DecompressionStream("gzip"));
  } catch (error) {
    if (error instanceof PiriError) throw error;
    throw new PiriError(
      "CORRUPT",
      "Cannot extract the archive: it is no whole gzip",
      { cause: error },
    );
  }
}

async function startOf(archive: FileContent): Promise<Uint8Array> {
  for await (const piece of archive.pieces()) {
    if (piece.length > 1) return piece.slice(0, 2);
  }
  return new Uint8Array();
}

/** Name below the folder; undefined for a folder that is left out. */
function placeOf(name: string, strip: number): string | undefined {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  const isOutside = name.startsWith("/") || name.includes("\0") ||
    name.includes("\\") || parts.includes("..");
  if (isOutside) throw leaves(name);
  const left = parts.slice(strip);
  return left.length === 0 ? undefined : left.join("/");
}

function requireInside(name: string, target: string): void {
  const folders = name.split("/").slice(0, -1);
  let isInside = target !== "" && !/^\/|[\0\\]/.test(target);
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") folders.push(part);
    else if (folders.pop() === undefined) isInside = false;
  }
  if (!isInside) throw leaves(`${name} -> ${target}`);
}

function leaves(name: string): PiriError {
  return new PiriError(
    "REFUSED",
    `Cannot extract the archive: "${
      name.slice(0, 200)
    }" in it leads out of the folder`,
  );
}
