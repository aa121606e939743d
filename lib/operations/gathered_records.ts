import type { Clock, Timer } from "../base/clock.ts";
import type { RunRecord } from "../steps/engine/records.ts";
import type { OperationEvent } from "./operation.ts";

/** Longest time that a record waits for others, in milliseconds. */
const MAX_WAIT_MS = 100;

/** Number of characters that are told together. */
const MAX_CHARACTERS = 32_768;

/**
 * Printer of records that tells those of steps that changed nothing together: each event costs more than a step with
 * nothing to do. All others are told at once, with what came before them.
 */
export class GatheredRecords {
  readonly #clock: Clock;
  readonly #give: (event: OperationEvent) => Promise<void>;
  #text = "";
  #progress: OperationEvent | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, give: (event: OperationEvent) => Promise<void>) {
    this.#clock = clock;
    this.#give = give;
  }

  /** Prints the text of a record. Resolves once it was taken, or waits for others. */
  async add(record: RunRecord, text: string): Promise<void> {
    if (this.#text.length + text.length > MAX_CHARACTERS) await this.flush();
    this.#text += text;
    const canWait = record.kind === "step" && record.changed !== true;
    if (!canWait) return await this.flush();
    this.#wait();
  }

  /** Tells the newest progress with the records before it. */
  progress(current: number, total: number, message: string): void {
    this.#progress = { kind: "progress", current, total, message };
    this.#wait();
  }

  /** Tells all that waits. */
  async flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const text = this.#text;
    const progress = this.#progress;
    this.#text = "";
    this.#progress = undefined;
    const events = [
      ...text === "" ? [] : [printed(text)],
      ...progress === undefined ? [] : [progress],
    ];
    await Promise.all(events.map((event) => this.#give(event)));
  }

  #wait(): void {
    this.#timer ??= this.#clock.timer(MAX_WAIT_MS, () => void this.flush());
  }
}

function printed(text: string): OperationEvent {
  const bytes = new TextEncoder().encode(text);
  // A masked sink has masked it: here, where it is JSON already, a secret of digits could damage it.
  return { kind: "output", stream: "stdout", bytes, isMasked: true };
}
