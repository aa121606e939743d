import { createHash, type Hash } from "node:crypto";
import type { StreamName } from "../../operations/operation.ts";

/** SHA-256 of all that an operation printed, by stream. A stream without output has none. */
export type PrintedHashes = Readonly<Partial<Record<StreamName, Uint8Array>>>;

/** Hashes each stream of an operation while it prints. */
export class HashingOutput {
  readonly #hashes = new Map<StreamName, Hash>();

  add(stream: StreamName, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    let hash = this.#hashes.get(stream);
    if (hash === undefined) {
      // Not before: most commands print on one stream at most.
      hash = createHash("sha256");
      this.#hashes.set(stream, hash);
    }
    hash.update(bytes);
  }

  /** Ends the hashes and returns them. Called once. */
  digest(): PrintedHashes {
    return Object.fromEntries(
      [...this.#hashes].map((
        [stream, hash],
      ) => [stream, new Uint8Array(hash.digest())]),
    );
  }
}
