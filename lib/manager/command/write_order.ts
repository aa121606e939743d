interface Item {
  readonly write: () => void;
  isRecorded: boolean;
}

/**
 * Queue of writes to one connection. It keeps their order although some must be recorded first: ids must ascend, and no
 * cancel may overtake its command.
 */
export class WriteOrder {
  #items: Item[] = [];

  /** Number of writes that wait for a record, their own or one before them. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds a write that is done once `recorded` resolves and all before it are written. If it rejects, the write is dropped. */
  add(write: () => void, recorded?: Promise<unknown>): void {
    const item = { write, isRecorded: recorded === undefined };
    this.#items.push(item);
    recorded?.then(
      () => {
        item.isRecorded = true;
        this.#write();
      },
      () => {
        this.#items = this.#items.filter((each) => each !== item);
        this.#write();
      },
    );
    // At once where possible, so that what is recorded together leaves together.
    this.#write();
  }

  #write(): void {
    while (this.#items[0]?.isRecorded) this.#items.shift()?.write();
  }
}
