import type { Clock, Timer } from "../../base/clock.ts";
import type { AssignedWork } from "./assigned_work.ts";
import type { FromWorker } from "./worker_protocol.ts";

/** Time between two looks for work that was not begun, in milliseconds. What two of them in a row find is taken back. */
const LOOK_MS = 2_500;

/** Parts of a worker. */
export interface PooledWorkerOptions {
  readonly url: URL;
  readonly clock: Clock;
  /** Called when it has no work item left. */
  readonly free: () => void;
  /** Called when the thread has died, before its work items hear of it. */
  readonly died: () => void;
  /** Called with the work items that it has not begun in time: something else holds its thread. */
  readonly stuck: (unbegun: readonly AssignedWork[]) => void;
}

/** One worker thread, seen from the main thread. */
export class PooledWorker {
  readonly #options: PooledWorkerOptions;
  readonly #thread: Worker;
  readonly #works = new Map<number, AssignedWork>();
  #isReady = false;
  #look: Timer | undefined;

  constructor(options: PooledWorkerOptions) {
    this.#options = options;
    this.#thread = new Worker(options.url, {
      type: "module",
      name: "operation",
    });
    this.#thread.onmessage = ({ data }: MessageEvent<FromWorker>) =>
      this.#hear(data);
    // Without preventDefault an error in a worker ends the whole program.
    this.#thread.onerror = (event) => {
      event.preventDefault();
      this.#die(event.message);
    };
    this.#thread.onmessageerror = () => this.#die("a message was damaged");
  }

  /** Count of its work items. */
  get size(): number {
    return this.#works.size;
  }

  /** Starts a work item. */
  start(work: AssignedWork): void {
    this.#works.set(work.item, work);
    work.giveTo((message, transfer) =>
      this.#thread.postMessage(message, transfer)
    );
    if (this.#isReady) this.#lookLater();
  }

  /** Forgets a work item, which has ended or was given up. */
  forget(work: AssignedWork): void {
    if (!this.#works.delete(work.item) || this.#works.size > 0) return;
    this.#look?.cancel();
    this.#look = undefined;
    this.#options.free();
  }

  /** Gives the thread up. It ends when it next returns to its event loop; if it never returns, it never ends. */
  terminate(): void {
    this.#look?.cancel();
    for (const work of this.#works.values()) work.abandon();
    this.#works.clear();
    this.#thread.terminate();
  }

  #hear(message: FromWorker): void {
    if (message.kind !== "ready") {
      return this.#works.get(message.item)?.hear(message);
    }
    this.#isReady = true;
    if (this.#works.size > 0) this.#lookLater();
  }

  /**
   * Looks for unbegun work later, and takes it back if it was unbegun before, too. The time to load a worker does not
   * count.
   */
  #lookLater(before: ReadonlySet<AssignedWork> = new Set()): void {
    this.#look ??= this.#options.clock.timer(LOOK_MS, () => {
      this.#look = undefined;
      const unbegun = [...this.#works.values()]
        .filter(({ hasBegun }) => !hasBegun);
      if (unbegun.some((work) => before.has(work))) this.#takeBack(unbegun);
      else if (unbegun.length > 0) this.#lookLater(new Set(unbegun));
    });
  }

  #takeBack(unbegun: readonly AssignedWork[]): void {
    const back = unbegun.filter((work) => work.withdraw());
    for (const { item } of back) this.#works.delete(item);
    if (back.length > 0) this.#options.stuck(back);
  }

  #die(why: string): void {
    this.#look?.cancel();
    this.#thread.terminate();
    this.#options.died();
    const works = [...this.#works.values()];
    this.#works.clear();
    for (const work of works) void work.died(why);
  }
}
