import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../base/sha256.ts";
import type { BlobValue, SheetValue } from "../steps/sheet.ts";
import type { StateFile } from "./state_reader.ts";

/** Blob as a value of a sheet. */
export type SheetBlob = BlobValue & SheetValue;

/** Contents that are too long for a sheet, by their SHA-256 in hex digits. */
export class Blobs {
  readonly #all = new Map<string, Uint8Array>();
  readonly #sources = new Map<string, string>();

  /** Bytes of each blob by its hash. */
  get all(): ReadonlyMap<string, Uint8Array> {
    return this.#all;
  }

  /** Paths of the Manager's files that are blobs as they are, by their hashes. */
  get sources(): ReadonlyMap<string, string> {
    return this.#sources;
  }

  /** Notes a file of the Manager, and gives what stands for it in a sheet. Its content stays where it is. */
  async source(file: StateFile): Promise<SheetBlob> {
    const { sha256, size } = await file.digest();
    this.#sources.set(sha256, file.path);
    return { $blob: { sha256, size } } as unknown as SheetBlob;
  }

  /** Keeps a content, and gives what stands for it in a sheet. */
  add(content: string | Uint8Array): SheetBlob {
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : content;
    const hash = encodeHex(sha256(bytes));
    this.#all.set(hash, bytes);
    const blob = { $blob: { sha256: hash, size: bytes.length } };
    return blob as unknown as SheetBlob;
  }
}
