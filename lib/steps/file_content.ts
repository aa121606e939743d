import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../base/errors.ts";
import { sha256 } from "../base/sha256.ts";
import type { FileContent, HostReader } from "./host/host.ts";
import type { BlobValue } from "./sheet.ts";

/** Content of bytes in memory. */
export function contentOfBytes(bytes: Uint8Array): FileContent {
  return {
    sha256: encodeHex(sha256(bytes)),
    size: bytes.length,
    async *pieces() {
      if (bytes.length > 0) yield bytes.slice();
    },
  };
}

/** Content of a parameter: its text in UTF-8, or a blob. */
export function contentOf(
  value: string | BlobValue,
  reader: HostReader,
): FileContent {
  return typeof value === "string"
    ? contentOfBytes(new TextEncoder().encode(value))
    : reader.blob(value.$blob);
}

/**
 * Reads a whole content.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it is longer than `max` bytes
 */
export async function bytesOf(
  content: FileContent,
  max: number,
  what: string,
): Promise<Uint8Array> {
  if (content.size > max) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot read ${what}: its ${content.size} bytes are over the limit of ${max}`,
    );
  }
  const bytes = new Uint8Array(content.size);
  let size = 0;
  for await (const piece of content.pieces()) {
    if (size + piece.length > bytes.length) throw moved(what);
    bytes.set(piece, size);
    size += piece.length;
  }
  if (size < bytes.length) throw moved(what);
  return bytes;
}

function moved(what: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot read ${what}: it was changed meanwhile`,
  );
}
