import { setImmediate } from "node:timers";
import type { Timer } from "../../lib/base/clock.ts";

/** Moments a millisecond. A power of two: sums and differences are exact, and no alarm rings a rounding too early. */
const TICKS = 1_024;

interface Alarm {
  readonly at: number;
  readonly number: number;
  callback: (() => void) | undefined;
}

/**
 * The time of a whole simulation. It moves only from one alarm to the next, by time and then in the order in which they
 * were set; what an alarm sets going has all happened before the next.
 */
export class VirtualTime {
  /** Milliseconds since the beginning. */
  elapsed = 0;
  /** Alarms that rang so far. */
  rung = 0;
  /** How many requests are with something that answers by the real event loop: the database. */
  underWay = 0;
  /** Looks at the world after each step. */
  look: () => void = () => {};
  readonly #alarms: Alarm[] = [];
  #numbers = 0;

  /** Calls back once, so many milliseconds from now. */
  after(ms: number, callback: () => void): Timer {
    const alarm: Alarm = {
      at: Math.ceil((this.elapsed + Math.max(0, ms)) * TICKS) / TICKS,
      number: this.#numbers++,
      callback,
    };
    this.#push(alarm);
    return { cancel: () => void (alarm.callback = undefined) };
  }

  /** Resolves so many milliseconds from now. */
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Goes on to this moment, or until it is told to stop, which it asks after each alarm. */
  async run(until: number, stop: () => boolean): Promise<void> {
    await this.#drain();
    while (!stop()) {
      const alarm = this.#alarms[0];
      if (alarm === undefined || alarm.at > until) {
        this.elapsed = until;
        return;
      }
      this.#pop();
      const { callback } = alarm;
      if (callback === undefined) continue;
      this.elapsed = alarm.at;
      this.rung++;
      callback();
      await this.#drain();
      this.look();
    }
  }

  /** Lets everything happen that waits for no alarm. */
  async #drain(): Promise<void> {
    do {
      await immediate();
    } while (this.underWay > 0);
    // What the last answer set going.
    await immediate();
  }

  #push(alarm: Alarm): void {
    const heap = this.#alarms;
    let at = heap.length;
    heap.push(alarm);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(alarm, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = alarm;
  }

  #pop(): void {
    const heap = this.#alarms;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let lower = heap[child];
      if (lower === undefined) break;
      const other = heap[child + 1];
      if (other !== undefined && isBefore(other, lower)) {
        child++;
        lower = other;
      }
      if (!isBefore(lower, last)) break;
      heap[at] = lower;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Alarm, b: Alarm): boolean {
  return a.at < b.at || (a.at === b.at && a.number < b.number);
}

function immediate(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
