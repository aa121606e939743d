import { type Clock, systemClock } from "../../base/clock.ts";
import { Turns } from "../../base/turns.ts";

/** Longest time for which a file is shared after it was opened, in milliseconds. Later requests look it up again. */
const SHARED_MS = 250;

interface SharedFile {
  readonly file: Promise<Deno.FsFile>;
  readonly openedAt: number;
  /** Orders the reads: each is a seek and a read. */
  readonly turns: Turns;
  /** Offset of the next read without a seek; -1 if it is not known. */
  position: number;
  users: number;
}

/**
 * Files that stay open while requests read them. Of concurrent requests of one agent for one file, the first looks it
 * up and opens it. No file is open while none is read.
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
    shared.users++;
    try {
      const file = await shared.file;
      return await shared.turns.run(() =>
        readAt(file, shared, { offset, length })
      );
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
      turns: new Turns(),
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

async function readAt(
  file: Deno.FsFile,
  at: { position: number },
  { offset, length }: { offset: number; length: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(length);
  if (at.position !== offset) {
    // Unknown until the seek has succeeded.
    at.position = -1;
    await file.seek(offset, Deno.SeekMode.Start);
  }
  at.position = -1;
  let filled = 0;
  while (filled < length) {
    const count = await file.read(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  at.position = offset + filled;
  return buffer.subarray(0, filled);
}
