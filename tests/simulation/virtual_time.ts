import { setImmediate } from "node:timers";
import type { Timer } from "../../lib/base/clock.ts";

/**
 * Units of time in a millisecond. A power of two, so that sums and differences are exact and no alarm rings early by
 * rounding.
 */
const TICKS = 1_024;

interface Alarm {
  readonly at: number;
  readonly number: number;
  callback: (() => void) | undefined;
}

/**
 * Time of a whole simulation. It only moves from one alarm to the next, ordered by time and then by when they were set.
 * All effects of an alarm happen before the next alarm.
 */
export class VirtualTime {
  /** Milliseconds since the beginning. */
  elapsed = 0;
  /** Count of alarms so far. */
  rung = 0;
  /** Count of requests that the real event loop answers: those to the database. */
  underWay = 0;
  /** Called after each step. */
  look: () => void = () => {};
  readonly #alarms: Alarm[] = [];
  #numbers = 0;

  /** Calls back once, `ms` milliseconds from now. */
  after(ms: number, callback: () => void): Timer {
    const alarm: Alarm = {
      at: Math.ceil((this.elapsed + Math.max(0, ms)) * TICKS) / TICKS,
      number: this.#numbers++,
      callback,
    };
    this.#push(alarm);
    return { cancel: () => void (alarm.callback = undefined) };
  }

  /** Resolves `ms` milliseconds from now. */
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Runs up to this moment, or until `stop` returns true, which is asked after each alarm. */
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
    // Let the effects of the last answer happen.
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
