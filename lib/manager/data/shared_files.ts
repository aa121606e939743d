import { type Clock, systemClock } from "../../base/clock.ts";
import { release } from "../../base/memory.ts";

/** Longest time for which a file is shared after it was opened, in milliseconds. Later requests look it up again. */
const SHARED_MS = 250;

/** Most bytes that are read at once for requests of pieces that follow each other. */
const BLOCK_BYTES = 524_288;

interface Read {
  readonly offset: number;
  readonly length: number;
  readonly bytes: PromiseWithResolvers<Uint8Array<ArrayBuffer>>;
}

interface SharedFile {
  readonly file: Promise<Deno.FsFile>;
  readonly openedAt: number;
  /** Requests that wait, in their order. */
  readonly waiting: Read[];
  /** True while requests are carried out, one after the other. */
  isReading: boolean;
  /** Offset of the next read without a seek; -1 if it is not known. */
  position: number;
  users: number;
}

/**
 * Files that stay open while requests read them. Of concurrent requests of one agent for one file, the first looks it
 * up and opens it. No file is open while none is read.
 *
 * Concurrent requests for pieces that follow each other are one call of the system.
 */
export class SharedFiles {
  readonly #clock: Clock;
  readonly #files = new Map<string, SharedFile>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * Reads up to `length` bytes from `offset`.
   *
   * @param key Identifies everything that the answer depends on: the agent, its groups and the name of the file.
   * @param find Looks up the path of the file.
   * @throws errors of `find` and of the system
   */
  async read(
    key: string,
    find: () => Promise<string>,
    { offset, length }: { offset: number; length: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    const shared = this.#share(key, find);
    const bytes = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    shared.users++;
    shared.waiting.push({ offset, length, bytes });
    if (!shared.isReading) void readAll(shared);
    try {
      return await bytes.promise;
    } finally {
      shared.users--;
      if (shared.users === 0) this.#close(key, shared);
    }
  }

  #share(key: string, find: () => Promise<string>): SharedFile {
    const known = this.#files.get(key);
    const now = this.#clock.monotonic();
    if (known !== undefined && now - known.openedAt < SHARED_MS) return known;
    const shared = {
      file: find().then((path) => Deno.open(path)),
      openedAt: now,
      waiting: [],
      isReading: false,
      position: 0,
      users: 0,
    };
    this.#files.set(key, shared);
    return shared;
  }

  #close(key: string, shared: SharedFile): void {
    if (this.#files.get(key) === shared) this.#files.delete(key);
    // The requests were told if the file could not be opened.
    shared.file.then((file) => file.close(), () => {});
  }
}

/** Carries out the requests that wait. Never rejects. */
async function readAll(shared: SharedFile): Promise<void> {
  shared.isReading = true;
  // Memory for several pieces, made once they are asked for together.
  let block: Uint8Array<ArrayBuffer> | undefined;
  for (;;) {
    const opened = await shared.file.catch(() => undefined);
    const reads = takeNext(shared.waiting);
    const [first] = reads;
    if (first === undefined) break;
    try {
      const file = opened ?? await shared.file;
      const length = reads.reduce((sum, read) => sum + read.length, 0);
      const isOne = reads.length === 1;
      const buffer = isOne
        ? new Uint8Array(await lengthIn(file, first))
        : (block ??= new Uint8Array(BLOCK_BYTES)).subarray(0, length);
      const filled = await readAt(file, shared, {
        offset: first.offset,
        buffer,
      });
      for (const { offset, length, bytes } of reads) {
        const from = offset - first.offset;
        const end = Math.min(from + length, filled);
        bytes.resolve(
          isOne ? buffer.subarray(0, filled) : buffer.slice(from, end),
        );
      }
    } catch (error) {
      for (const { bytes } of reads) bytes.reject(error);
    }
  }
  if (block !== undefined) release(block);
  shared.isReading = false;
}

/** Takes the first request that waits, and those behind it that go on where it ends. */
function takeNext(waiting: Read[]): Read[] {
  const [first] = waiting;
  if (first === undefined) return [];
  let end = first.offset + first.length;
  let count = 1;
  for (const { offset, length } of waiting.slice(1)) {
    const isNext = offset === end &&
      end + length - first.offset <= BLOCK_BYTES;
    if (!isNext) break;
    end += length;
    count++;
  }
  return waiting.splice(0, count);
}

/** Length of a buffer for a request. One that is for a whole file, however long that is, needs no more than the file has. */
async function lengthIn(
  file: Deno.FsFile,
  { offset, length }: Pick<Read, "offset" | "length">,
): Promise<number> {
  if (length <= BLOCK_BYTES) return length;
  const { size } = await file.stat();
  return Math.min(length, Math.max(0, size - offset));
}

/** Fills a buffer from an offset on. Returns the number of bytes, which is smaller only where the file ends. */
async function readAt(
  file: Deno.FsFile,
  at: { position: number },
  { offset, buffer }: {
    readonly offset: number;
    readonly buffer: Uint8Array<ArrayBuffer>;
  },
): Promise<number> {
  if (at.position !== offset) {
    // Unknown until the seek has succeeded.
    at.position = -1;
    await file.seek(offset, Deno.SeekMode.Start);
  }
  at.position = -1;
  let filled = 0;
  while (filled < buffer.length) {
    const count = await file.read(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  at.position = offset + filled;
  return filled;
}
