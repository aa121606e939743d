import { type Clock, within } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { releaseWhole } from "../base/memory.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import { invalid, requireText } from "./checks.ts";
import { toPiriError } from "./errors.ts";
import { BYTES_TYPE } from "./http_client.ts";
import { UPLOAD_PATH, uploadRefusal } from "./upload_request.ts";

/** Longest time for which no byte of a body comes, in milliseconds. */
const SILENCE_MS = 30_000;

/** Bytes that are stored at a time. */
const BLOCK_BYTES = 262_144;

/** Most bytes that are read of a request after its refusal: more than a client of ours sends in one. */
const MAX_DRAINED_BYTES = 16_777_216;

const OFFSET = /^[0-9]{1,15}$/;

const log = logger("manager", "api");

/** Means of taking the bytes of an upload. */
export interface UploadBodyOptions {
  readonly blobs: Pick<Manager["blobs"], "append">;
  readonly clock: Clock;
  /** Throws if the sender may not make this call. */
  readonly admit: (headers: Headers, call: string) => void;
  /** Aborted when the sender has gone or may not any more. */
  readonly signal: AbortSignal;
}

/** True for a request whose body is bytes of an upload as they are, without a message around them. */
export function isUploadBody({ headers }: Request, path: string): boolean {
  return path === UPLOAD_PATH && headers.get("content-type") === BYTES_TYPE;
}

/**
 * Appends the body of a request to an upload while it comes, and answers with the number of bytes that the upload has
 * then. A request that ends early leaves what came of it.
 */
export async function answerUpload(
  request: Request,
  { blobs, clock, admit, signal }: UploadBodyOptions,
): Promise<Response> {
  const body = new BodyReader(request.body, clock);
  let stored: Promise<number> | undefined;
  try {
    admit(request.headers, "BlobsService.upload");
    const { searchParams } = new URL(request.url);
    const id = requireText("upload_id", searchParams.get("upload_id") ?? "");
    let offset = offsetOf(searchParams.get("offset") ?? "");
    // One block is stored while the next one comes.
    let block = new Uint8Array(BLOCK_BYTES);
    let other = new Uint8Array(BLOCK_BYTES);
    for (;;) {
      const count = await body.fill(block);
      signal.throwIfAborted();
      await stored;
      stored = blobs.append(id, offset, block.subarray(0, count));
      // It is awaited before the next one, and before the answer.
      stored.catch(() => {});
      offset += count;
      if (count < block.length) break;
      [block, other] = [other, block];
    }
    return new Response(String(await stored));
  } catch (error) {
    await stored?.catch(() => {});
    // A client that still sends would not read the answer.
    await body.drain().catch(() => {});
    return uploadRefusal(visible(error, signal));
  }
}

function offsetOf(text: string): number {
  if (OFFSET.test(text)) return Number(text);
  throw invalid("offset", "it is no number of bytes");
}

function visible(error: unknown, { aborted }: AbortSignal): PiriError {
  const told = toPiriError(error);
  if (told === error || told.code !== "INTERNAL" || aborted) return told;
  log.error("Cannot take bytes of an upload: {error}", { error });
  return new PiriError(
    "INTERNAL",
    "Cannot take bytes of an upload: the Manager failed, and its log says how",
  );
}

/** Body of a request, in blocks. */
class BodyReader {
  /** Undefined without a body, or after it has failed. */
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #clock: Clock;
  /** Bytes that came with others and did not fit into the block. */
  #rest: Uint8Array = new Uint8Array();

  constructor(body: ReadableStream<Uint8Array> | null, clock: Clock) {
    this.#reader = body?.getReader();
    this.#clock = clock;
  }

  /** Fills a block. Returns the number of bytes, which is smaller only at the end. */
  async fill(block: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < block.length) {
      if (this.#rest.length === 0) {
        const chunk = await this.#read();
        if (chunk === undefined) break;
        this.#rest = chunk;
      }
      const part = this.#rest.subarray(0, block.length - filled);
      block.set(part, filled);
      filled += part.length;
      const isSpent = part.length === this.#rest.length;
      if (isSpent) releaseWhole(this.#rest);
      this.#rest = isSpent
        ? new Uint8Array()
        : this.#rest.subarray(part.length);
    }
    return filled;
  }

  /** Reads what is left of the body, and forgets it; of a long one only a part. */
  async drain(): Promise<void> {
    let bytes = 0;
    while (bytes <= MAX_DRAINED_BYTES) {
      const chunk = await this.#read();
      if (chunk === undefined) return;
      bytes += chunk.length;
      releaseWhole(chunk);
    }
  }

  async #read(): Promise<Uint8Array | undefined> {
    if (this.#reader === undefined) return undefined;
    try {
      const { value } = await within(
        this.#clock,
        SILENCE_MS,
        this.#reader.read(),
        `Cannot read the request: no byte came for ${SILENCE_MS / 1_000} s`,
      );
      return value;
    } catch (error) {
      this.#reader = undefined;
      throw error;
    }
  }
}
