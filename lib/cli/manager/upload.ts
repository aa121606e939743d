import { createHash } from "node:crypto";
import { PiriError } from "../../base/errors.ts";
import type { InputFile } from "../input_file.ts";
import type { Terminal } from "../terminal.ts";
import { RetryingClient } from "./retrying_client.ts";
import type { Control } from "./services.ts";

/** Bytes of one request. Larger ones are hardly faster, and leave more garbage to both sides. */
const PIECE_BYTES = 262_144;

/** Means of sending large input. */
export interface UploadContext {
  readonly connect: () => Promise<Control>;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Called with the count of bytes that have been sent. */
  readonly onSent?: (bytes: number) => void;
}

/**
 * Sends input to the Manager, piece by piece, and returns its SHA-256 in hex digits. A Manager that goes away is waited
 * for, and gets the rest.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the Manager has no room; DISK; UNAVAILABLE if the Manager stays away
 */
export async function upload(
  input: InputFile,
  { connect, terminal, signal, onSent }: UploadContext,
): Promise<string> {
  const client = new RetryingClient(connect, terminal);
  const buffer = new Uint8Array(PIECE_BYTES);
  const hash = createHash("sha256");
  let uploadId = "";
  /** Piece under way, and where it begins. */
  let piece: Uint8Array = new Uint8Array();
  let offset = 0;
  return await client.call(async ({ blobs }, { signal, alive }) => {
    const options = { signal };
    const size = input.size === undefined ? {} : { size: BigInt(input.size) };
    const opened = await blobs.openUpload({ uploadId, ...size }, options);
    alive();
    uploadId = opened.uploadId;
    requireReached(Number(opened.offset), offset);
    for (;;) {
      if (piece.length > 0) {
        const request = { uploadId, offset: BigInt(offset), bytes: piece };
        await blobs.upload(request, options);
        offset += piece.length;
        onSent?.(offset);
      }
      piece = buffer.subarray(0, await input.fill(buffer));
      if (piece.length === 0) break;
      hash.update(piece);
    }
    const sha256 = hash.copy().digest("hex");
    await blobs.finishUpload({ uploadId, sha256 }, options);
    return sha256;
  }, {
    signal,
    failure: (fact) =>
      new PiriError("UNAVAILABLE", `Cannot send the input: ${fact}`),
  });
}

/** SHA-256 of all of an input, in hex digits. */
export async function hashInput(input: InputFile): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(PIECE_BYTES);
  for (;;) {
    const count = await input.fill(buffer);
    hash.update(buffer.subarray(0, count));
    if (count < buffer.length) return hash.digest("hex");
  }
}

function requireReached(has: number, sent: number): void {
  if (has >= sent) return;
  throw new PiriError(
    "UNAVAILABLE",
    `Cannot go on with sending the input: the Manager has only ${has} of ${sent} bytes; try again`,
  );
}
