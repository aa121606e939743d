import { type Clock, systemClock, type Timer } from "../../base/clock.ts";
import {
  standardSurroundings,
  type Surroundings,
} from "../../operations/surroundings.ts";
import { endSurvivors } from "../../operations/survivors.ts";
import { timerSlackOf } from "../../operations/timer_slack.ts";
import { PooledWorker } from "./pooled_worker.ts";
import type { Workers, WorkHandle, WorkItem, WorkSink } from "./workers.ts";

/** Module that runs in a worker thread. The build puts the bundled worker here. */
export const WORKER_URL: URL = new URL("./worker.ts", import.meta.url);

/** Options of a pool. */
export interface WorkerPoolOptions {
  readonly allowTestOperations: boolean;
  /** Settings for programs; the standard ones by default. */
  readonly surroundings?: Surroundings;
  /** Limit of busy workers; 32 by default. */
  readonly most?: number;
  /** Time after which an idle worker is released, in milliseconds; a minute by default. */
  readonly idleMs?: number;
  readonly clock?: Clock;
  readonly workerUrl?: URL;
}

/** Pool of worker threads. They are started on demand, reused while idle, and released after a while. */
export class WorkerPool implements Workers {
  readonly #options: Required<WorkerPoolOptions>;
  /** Idle workers, the latest one last. The last is used first, so that the others can be released. */
  readonly #idle: { readonly worker: PooledWorker; readonly timer: Timer }[] =
    [];
  readonly #busy = new Map<PooledWorker, { readonly timerSlack?: number }>();
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = {
      surroundings: standardSurroundings(),
      most: 32,
      idleMs: 60_000,
      clock: systemClock,
      workerUrl: WORKER_URL,
      ...options,
    };
  }

  /** Count of idle and of busy threads. Abandoned ones are not counted. */
  get size(): { readonly idle: number; readonly busy: number } {
    return { idle: this.#idle.length, busy: this.#busy.size };
  }

  start(job: WorkItem, sink: WorkSink): WorkHandle | undefined {
    if (this.#closed || this.#busy.size >= this.#options.most) return undefined;
    const idle = this.#idle.pop();
    idle?.timer.cancel();
    const worker = idle?.worker ?? this.#newWorker();
    const timerSlack = this.#freeTimerSlack(job.marker);
    this.#busy.set(worker, timerSlack === undefined ? {} : { timerSlack });
    return worker.start({
      job,
      sink,
      allowTestOperations: this.#options.allowTestOperations,
      surroundings: this.#options.surroundings,
      timerSlack,
      over: () => this.#over(worker),
      endSurvivors: (processes, marker) =>
        endSurvivors(processes, marker, this.#options.clock),
    });
  }

  close(): void {
    this.#closed = true;
    for (const { worker, timer } of this.#idle.splice(0)) {
      timer.cancel();
      worker.terminate();
    }
    for (const worker of this.#busy.keys()) worker.terminate();
    this.#busy.clear();
  }

  #newWorker(): PooledWorker {
    const worker: PooledWorker = new PooledWorker(
      this.#options.workerUrl,
      () => this.#forget(worker),
    );
    return worker;
  }

  #over(worker: PooledWorker): void {
    this.#busy.delete(worker);
    if (this.#closed) return worker.terminate();
    const timer = this.#options.clock.timer(this.#options.idleMs, () => {
      this.#forget(worker);
      worker.terminate();
    });
    this.#idle.push({ worker, timer });
  }

  #forget(worker: PooledWorker): void {
    this.#busy.delete(worker);
    const at = this.#idle.findIndex((idle) => idle.worker === worker);
    if (at >= 0) this.#idle.splice(at, 1)[0]?.timer.cancel();
  }

  /** Timer slack of the command, unless a running command has the same. */
  #freeTimerSlack(marker: string): number | undefined {
    const wanted = timerSlackOf(marker);
    const taken = [...this.#busy.values()].some(({ timerSlack }) =>
      timerSlack === wanted
    );
    return taken ? undefined : wanted;
  }
}
