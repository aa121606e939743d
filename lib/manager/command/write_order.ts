interface Item {
  readonly write: () => void;
  isRecorded: boolean;
}

/**
 * What is written to one connection, in the order in which it was asked for, though some of it has to be recorded first:
 * ids must ascend, and no cancel may overtake its command.
 */
export class WriteOrder {
  #items: Item[] = [];

  /** How many wait to be recorded, or for one before them that does. */
  get size(): number {
    return this.#items.length;
  }

  /** Writes once it is recorded and all before it is written. What cannot be recorded is not written. */
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
    // At once where it can be, so that what is recorded together leaves together.
    this.#write();
  }

  #write(): void {
    while (this.#items[0]?.isRecorded) this.#items.shift()?.write();
  }
}
