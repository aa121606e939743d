/** Blob that the parameters of a command name. */
export interface BlobName {
  /** SHA-256 of its bytes, in hex digits. */
  readonly sha256: string;
  /** True for a list of files whose blobs belong to it: see tree.ts. */
  readonly isTree: boolean;
}

/** SHA-256 of no bytes. Such a blob is known to everybody, and never sent. */
export const EMPTY_SHA256 =
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** SHA-256 in hex digits. */
export const SHA256_PATTERN = /^[0-9a-f]{64}$/;

/** Request for a piece of a blob: the parameters of a DataRequest of the type "blob". */
export interface BlobRange {
  readonly sha256: string;
  readonly offset: number;
  readonly length: number;
}
