import { createHash } from "node:crypto";
import { PiriError } from "../../base/errors.ts";
import type { InputFile } from "../input_file.ts";
import type { Terminal } from "../terminal.ts";
import { RetryingClient } from "./retrying_client.ts";
import { SentWindow } from "./sent_window.ts";
import type { Control } from "./services.ts";

/** Bytes that are read at a time for a hash. */
const PIECE_BYTES = 262_144;

/** Means of sending large input. */
export interface UploadContext {
  readonly connect: () => Promise<Control>;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** SHA-256 of the input in hex digits, if it is known. */
  readonly sha256?: string;
  /** Called with the count of bytes that have been read to be sent. */
  readonly onSent?: (bytes: number) => void;
}

/**
 * Sends input to the Manager as it is read, and returns its SHA-256 in hex digits. A Manager that goes away is waited
 * for, and gets the rest.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the Manager has no room, or the input is not of the hash; DISK; UNAVAILABLE if the Manager stays away
 */
export async function upload(
  input: InputFile,
  { connect, terminal, signal, sha256: known, onSent }: UploadContext,
): Promise<string> {
  const client = new RetryingClient(connect, terminal);
  const hash = createHash("sha256");
  let read = 0;
  const window = new SentWindow(input, {
    clock: terminal.clock,
    onRead(bytes) {
      if (known === undefined) hash.update(bytes);
      read += bytes.length;
      onSent?.(read);
    },
  });
  let uploadId = "";
  return await client.call(async ({ blobs, uploads }, { signal, alive }) => {
    const options = { signal };
    const size = input.size === undefined ? {} : { size: BigInt(input.size) };
    const opened = await blobs.openUpload({ uploadId, ...size }, options);
    alive();
    uploadId = opened.uploadId;
    let offset = Number(opened.offset);
    requireReached(offset, window.start);
    while (await window.hasMore()) {
      const upload = { id: uploadId, offset };
      offset = await uploads.send(upload, window.from(offset), options);
      window.clear();
    }
    const sha256 = known ?? hash.copy().digest("hex");
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
