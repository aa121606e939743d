import { type Clock, systemClock } from "../../base/clock.ts";
import { Turns } from "../../base/turns.ts";

/** A file that was found is read by whoever asks so much later at most, milliseconds: then it is looked up again. */
const SHARED_MS = 250;

interface SharedFile {
  readonly file: Promise<Deno.FsFile>;
  readonly openedAt: number;
  /** A read is a seek and a read. */
  readonly turns: Turns;
  /** Where the file is read next without a seek. */
  position: number;
  users: number;
}

/**
 * Files that are open while somebody reads them: of the requests that an agent has under way for one file, the first
 * looks it up and opens it. Nothing is open when nothing is read.
 */
export class SharedFiles {
  readonly #clock: Clock;
  readonly #files = new Map<string, SharedFile>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * Up to `length` bytes from `offset`.
   *
   * @param key Stands for everything that the answer depends on: who asks, by which rights, for what.
   * @param find Looks up where the file is.
   * @throws what `find` and the system throw
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
    // One that could not be opened was told to who asked.
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
    // Until it is known where it is.
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
