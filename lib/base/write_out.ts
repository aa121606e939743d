/** Number of bytes after which they are written to the disk. */
const AFTER_BYTES = 16_777_216;

/**
 * Writing of a file to its disk while more of it comes: the sync at its end then waits for the last part only. One sync
 * is under way at a time.
 */
export class WriteOut {
  readonly #sync: () => Promise<void>;
  #bytes = 0;
  #running: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** @param sync Writes all that the file has so far to the disk */
  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** Counts bytes that the file has got. */
  wrote(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < AFTER_BYTES || this.#running !== undefined) return;
    this.#bytes = 0;
    this.#running = Promise.try(this.#sync)
      .catch((error) => void (this.#failure ??= { error }))
      .finally(() => this.#running = undefined);
  }

  /**
   * Waits for the sync that is under way.
   *
   * @throws the error of the first sync that failed: the system tells an error of the disk only once
   */
  async settled(): Promise<void> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
