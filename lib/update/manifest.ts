import * as v from "valibot";
import { SHA256_PATTERN } from "../base/blob.ts";
import { PiriError } from "../base/errors.ts";
import { type MinisignKey, verifyMinisign } from "../base/minisign.ts";
import { VERSION_PATTERN } from "../base/version_pattern.ts";

/** Largest manifest that is read, in bytes: ten executables of 1 GB. */
export const MAX_MANIFEST_BYTES = 16 * 1_048_576;

/** Largest text of a signature that is read, in bytes. */
export const MAX_SIGNATURE_BYTES = 4_096;

const sha256 = v.pipe(v.string(), v.regex(SHA256_PATTERN));
const version = v.pipe(v.string(), v.regex(VERSION_PATTERN));

/** Name of a file: no path. */
const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/));

const FileSchema = v.object({
  name,
  product: name,
  target: name,
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  sha256,
  pieces: v.array(sha256),
});

// Keys of later releases are ignored.
const ManifestSchema = v.object({
  version,
  commit: v.string(),
  floor: version,
  pieceBytes: v.pipe(
    v.number(),
    v.safeInteger(),
    v.minValue(1_024),
    v.maxValue(65_536),
  ),
  files: v.array(FileSchema),
});

/** Manifest of a release: its files with their hashes. */
export type Manifest = v.InferOutput<typeof ManifestSchema>;

/** Executable of a release. */
export type ManifestFile = Manifest["files"][number];

/**
 * Reads the manifest of a release.
 *
 * @throws {PiriError} CORRUPT
 */
export function readManifest(bytes: Uint8Array): Manifest {
  const result = v.safeParse(
    v.pipe(v.string(), v.parseJson(), ManifestSchema),
    new TextDecoder().decode(bytes),
  );
  if (!result.success) {
    throw new PiriError(
      "CORRUPT",
      `Cannot read the manifest: "${
        v.getDotPath(result.issues[0]) ?? "JSON"
      }" is missing or wrong`,
    );
  }
  const { pieceBytes, files } = result.output;
  for (const { name, size, pieces } of files) {
    const count = Math.ceil(size / pieceBytes);
    if (pieces.length === count) continue;
    throw new PiriError(
      "CORRUPT",
      `Cannot read the manifest: it has ${pieces.length} hashes of pieces for "${name}", and not ${count}`,
    );
  }
  return result.output;
}

/**
 * Reads the manifest of a release that one of these keys has signed.
 *
 * @throws {PiriError} AUTH_FAILED if none of the keys has signed it; CORRUPT
 */
export function readSignedManifest(
  bytes: Uint8Array,
  signature: string,
  keys: readonly MinisignKey[],
): Manifest {
  verifyMinisign(bytes, signature, keys);
  return readManifest(bytes);
}
