import { Turns } from "../../base/turns.ts";
import { logger } from "../../base/log.ts";
import { messageOf } from "../../base/errors.ts";
import type { JournalEntry } from "../journal/journal.ts";
import { type DeliveryOptions, Drain } from "./drain.ts";

const log = logger("agent", "delivery");

/**
 * Drains the journal into one connection. For each command it sends the output from the byte that the Manager wants,
 * the progress, and the result last. It ends with the connection; the next connection makes its own.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #drains = new Map<JournalEntry, Drain>();
  /**
   * Lets one command send at a time, out of possibly hundreds that have something to send. The next one follows when
   * there is room.
   */
  readonly #turns = new Turns();
  readonly #unsubscribe: () => void;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#unsubscribe = options.runner.onNews((entry) => this.#news(entry));
    for (const entry of options.journal.entries()) this.#news(entry);
  }

  /** Starts delivering a command that was accepted over this connection. */
  accepted(entry: JournalEntry): void {
    this.#news(entry);
  }

  /** Stops delivering a command: it was acknowledged, or its delivery starts over. */
  forgotten(entry: JournalEntry): void {
    this.#drains.get(entry)?.stop();
    this.#drains.delete(entry);
  }

  /** Sends the stored result of a finished command again. */
  again(entry: JournalEntry): void {
    this.forgotten(entry);
    this.#news(entry);
  }

  /** Notes that the Manager ended the connection because of a message: any result under way may be the cause. */
  rejected(): void {
    for (const [entry, drain] of this.#drains) {
      if (drain.sentResult) this.#options.rejections.add(entry);
    }
  }

  /** Stops all deliveries, because the connection has ended. */
  close(): void {
    this.#unsubscribe();
    for (const drain of this.#drains.values()) drain.stop();
    this.#drains.clear();
  }

  #news(entry: JournalEntry): void {
    if (entry.managerId !== this.#options.managerId) return;
    const known = this.#drains.get(entry);
    if (known !== undefined) return known.wake();
    const drain = new Drain(entry, this.#options, this.#turns);
    this.#drains.set(entry, drain);
    drain.run().catch((error) =>
      log.debug("Delivery of command {id} ended: {error}", {
        id: entry.id,
        error: messageOf(error),
      })
    );
  }
}
