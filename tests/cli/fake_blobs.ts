import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { concat } from "@std/bytes/concat";
import { createHash } from "node:crypto";
import type { Uploads } from "../../lib/cli/manager/services.ts";
import type { BlobsService } from "../../proto/gen/piri/control/v1/control_pb.ts";

/** Blobs of a Manager in memory. */
export class FakeBlobs {
  /** Bytes by SHA-256. */
  readonly kept = new Map<string, Uint8Array>();
  /** Length of what came with each request. */
  readonly pieces: number[] = [];
  /** Called before a request is answered, with its number; what it throws is the answer, and the bytes are kept. */
  onPiece: (number: number) => void | Promise<void> = () => {};
  #upload: Uint8Array = new Uint8Array();

  readonly service: Partial<ServiceImpl<typeof BlobsService>> = {
    findBlobs: ({ sha256 }) => ({
      known: sha256.filter((hash) => this.kept.has(hash)),
    }),
    addBlobs: ({ blobs }) => {
      const sha256 = blobs.map((bytes) => {
        const hash = createHash("sha256").update(bytes).digest("hex");
        this.kept.set(hash, bytes);
        return hash;
      });
      return { sha256 };
    },
    openUpload: ({ uploadId }) => {
      if (uploadId === "") this.#upload = new Uint8Array();
      return { uploadId: "upload-1", offset: BigInt(this.#upload.length) };
    },
    finishUpload: ({ sha256: expected }) => {
      const sha256 = createHash("sha256").update(this.#upload).digest("hex");
      if (sha256 !== expected) {
        throw new ConnectError("changed", Code.FailedPrecondition);
      }
      this.kept.set(sha256, this.#upload);
      return { sha256, size: BigInt(this.#upload.length) };
    },
  };

  readonly uploads: Uploads = {
    send: async ({ offset }, bytes, { signal }) => {
      const before = this.#upload.subarray(0, offset);
      const pieces = await Array.fromAsync(bytes, (piece) => piece.slice());
      this.#upload = concat([before, ...pieces]);
      this.pieces.push(this.#upload.length - offset);
      await Promise.race([
        this.onPiece(this.pieces.length),
        rejected(signal),
      ]);
      return this.#upload.length;
    },
  };
}

/** Rejects once a caller gives up. */
function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}
