import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../base/sha256.ts";
import type { BlobValue } from "../steps/sheet.ts";

/** Contents that are too long for a sheet, by their SHA-256 in hex digits. */
export class Blobs {
  readonly #all = new Map<string, Uint8Array>();

  /** Bytes of each blob by its hash. */
  get all(): ReadonlyMap<string, Uint8Array> {
    return this.#all;
  }

  /** Keeps a content, and gives what stands for it in a sheet. */
  add(
    content: string | Uint8Array,
  ): BlobValue & { readonly [key: string]: never } {
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : content;
    const hash = encodeHex(sha256(bytes));
    this.#all.set(hash, bytes);
    const blob = { $blob: { sha256: hash, size: bytes.length } };
    return blob as typeof blob & { readonly [key: string]: never };
  }
}
