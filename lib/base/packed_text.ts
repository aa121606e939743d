import { createHash } from "node:crypto";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import { PiriError } from "./errors.ts";

/** A kind of text that holds packed bytes. */
export interface PackedKind {
  /** Name of the text in messages. */
  readonly name: string;
  /** First characters of such a text, before the number of its version. */
  readonly prefix: string;
  /** Version that this build writes and reads. */
  readonly version: number;
  /** Longest content in bytes, once it is unpacked: a small text may unpack to a large one. */
  readonly mostBytes: number;
}

const CHECKSUM_LENGTH = 8;

/** Packs bytes into one word: version, compressed bytes in base64url, and a checksum that finds a bad copy. */
export function packText(
  { prefix, version }: PackedKind,
  bytes: Uint8Array,
): string {
  const text = `${prefix}${version}-${
    encodeBase64Url(new Uint8Array(brotliCompressSync(bytes)))
  }`;
  return `${text}-${checksumOf(text)}`;
}

/**
 * Unpacks what `packText` made. Line breaks and spaces that a terminal or a secret store put in do no harm. Messages
 * never repeat the text.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function unpackText(kind: PackedKind, line: string): Uint8Array {
  const { prefix, version, mostBytes } = kind;
  const given = line.replaceAll(/\s/g, "");
  const [, found] = new RegExp(`^${prefix}([0-9]+)-`).exec(given) ?? [];
  if (found === undefined) {
    throw refuse(kind, `it does not begin with "${prefix}${version}-"`);
  }
  if (Number(found) !== version) {
    throw refuse(
      kind,
      `it is of version ${found}, and this build reads version ${version}`,
    );
  }
  const end = given.length - CHECKSUM_LENGTH - 1;
  const text = given.slice(0, end);
  if (given[end] !== "-" || checksumOf(text) !== given.slice(end + 1)) {
    throw refuse(kind, "its checksum is wrong, so it was cut short or changed");
  }
  try {
    return new Uint8Array(brotliDecompressSync(
      decodeBase64Url(text.slice(text.indexOf("-") + 1)),
      { maxOutputLength: mostBytes },
    ));
  } catch (cause) {
    throw refuse(kind, "its content cannot be unpacked", cause);
  }
}

function checksumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex")
    .slice(0, CHECKSUM_LENGTH);
}

function refuse(
  { name }: PackedKind,
  reason: string,
  cause?: unknown,
): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read ${name}: ${reason}`,
    cause === undefined ? {} : { cause },
  );
}
