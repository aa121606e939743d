import { logger } from "../../base/log.ts";
import { type Clock, systemClock, type Timer } from "../../base/clock.ts";
import {
  standardSurroundings,
  type Surroundings,
} from "../../operations/surroundings.ts";
import { endSurvivors } from "../../operations/survivors.ts";
import { onlyWaits } from "../../operations/registry.ts";
import { timerSlackOf } from "../../operations/timer_slack.ts";
import { AssignedWork } from "./assigned_work.ts";
import { PooledWorker } from "./pooled_worker.ts";
import type { Workers, WorkHandle, WorkItem, WorkSink } from "./workers.ts";

const log = logger("agent");

/** Module that runs in a worker thread. The build puts the bundled worker here. */
export const WORKER_URL: URL = new URL("./worker.ts", import.meta.url);

/** Options of a pool. */
export interface WorkerPoolOptions {
  readonly allowTestOperations: boolean;
  /** Settings for programs; the standard ones by default. */
  readonly surroundings?: Surroundings;
  /** Limit of running work items; 32 by default. */
  readonly most?: number;
  /** Time after which an idle worker is released, in milliseconds; a minute by default. */
  readonly idleMs?: number;
  readonly clock?: Clock;
  readonly workerUrl?: URL;
}

/**
 * Pool of worker threads. They are started on demand, reused while idle, and released after a while. Operations that only
 * wait share one thread; each of the others has one of its own.
 *
 * Work that does not end even by force is given up: its thread gets no more, and ends with the last work that it still
 * carries out. Work that its thread does not begin is given to another one. A thread that dies fails all its work.
 */
export class WorkerPool implements Workers {
  readonly #options: Required<WorkerPoolOptions>;
  /** Idle workers, the latest one last. The last is used first, so that the others can be released. */
  readonly #idle: { readonly worker: PooledWorker; readonly timer: Timer }[] =
    [];
  readonly #busy = new Set<PooledWorker>();
  /** Workers that get no more work, and are released when the rest of it has ended. */
  readonly #retired = new Set<PooledWorker>();
  /** Busy worker of the operations that only wait. */
  #shared: PooledWorker | undefined;
  readonly #running = new Map<AssignedWork, PooledWorker>();
  #lastItem = 0;
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

  /** Count of idle and of busy threads. Retired ones are not counted. */
  get size(): { readonly idle: number; readonly busy: number } {
    return { idle: this.#idle.length, busy: this.#busy.size };
  }

  start(job: WorkItem, sink: WorkSink): WorkHandle | undefined {
    const { most, allowTestOperations, surroundings, clock } = this.#options;
    if (this.#closed || this.#running.size >= most) return undefined;
    const work: AssignedWork = new AssignedWork(++this.#lastItem, {
      job,
      sink,
      allowTestOperations,
      surroundings,
      timerSlack: this.#freeTimerSlack(job.marker),
      endSurvivors: (processes, marker) =>
        endSurvivors(processes, marker, clock),
    }, () => this.#over(work));
    this.#place(work);
    return {
      stop: () => work.stop(),
      kill: () => work.kill(),
      abandon: () => this.#abandon(work),
    };
  }

  close(): void {
    this.#closed = true;
    for (const { worker, timer } of this.#idle.splice(0)) {
      timer.cancel();
      worker.terminate();
    }
    for (const worker of [...this.#busy, ...this.#retired]) worker.terminate();
    this.#busy.clear();
    this.#retired.clear();
    this.#running.clear();
  }

  #place(work: AssignedWork): void {
    const worker = onlyWaits(work.operation)
      ? this.#shared ??= this.#freeWorker()
      : this.#freeWorker();
    this.#running.set(work, worker);
    worker.start(work);
  }

  #freeWorker(): PooledWorker {
    const idle = this.#idle.pop();
    idle?.timer.cancel();
    const worker = idle?.worker ?? this.#newWorker();
    this.#busy.add(worker);
    return worker;
  }

  #newWorker(): PooledWorker {
    const { workerUrl: url, clock } = this.#options;
    const worker: PooledWorker = new PooledWorker({
      url,
      clock,
      free: () => this.#rest(worker),
      died: () => this.#forget(worker),
      stuck: (unbegun) => this.#replace(worker, unbegun),
    });
    return worker;
  }

  #over(work: AssignedWork): void {
    const worker = this.#running.get(work);
    this.#running.delete(work);
    worker?.forget(work);
  }

  /** Gives work up. All else in its worker goes on there: only that thread can read what its programs print. */
  #abandon(work: AssignedWork): void {
    const worker = this.#running.get(work);
    if (worker === undefined || !work.abandon()) return;
    this.#retire(worker);
    this.#over(work);
  }

  #replace(worker: PooledWorker, unbegun: readonly AssignedWork[]): void {
    log.warning(
      "A thread of operations is held by one of them; {count} others get another thread",
      { count: unbegun.length },
    );
    this.#retire(worker);
    for (const work of unbegun) this.#place(work);
    if (worker.size === 0) this.#rest(worker);
  }

  #rest(worker: PooledWorker): void {
    const isUsable = !this.#closed && this.#busy.has(worker);
    this.#forget(worker);
    if (!isUsable) return worker.terminate();
    const timer = this.#options.clock.timer(this.#options.idleMs, () => {
      this.#forget(worker);
      worker.terminate();
    });
    this.#idle.push({ worker, timer });
  }

  #retire(worker: PooledWorker): void {
    this.#forget(worker);
    this.#retired.add(worker);
  }

  #forget(worker: PooledWorker): void {
    if (this.#shared === worker) this.#shared = undefined;
    this.#busy.delete(worker);
    this.#retired.delete(worker);
    const at = this.#idle.findIndex((idle) => idle.worker === worker);
    if (at >= 0) this.#idle.splice(at, 1)[0]?.timer.cancel();
  }

  /** Timer slack of the command, unless a running command has the same. */
  #freeTimerSlack(marker: string): number | undefined {
    const wanted = timerSlackOf(marker);
    const taken = [...this.#running.keys()].some(({ timerSlack }) =>
      timerSlack === wanted
    );
    return taken ? undefined : wanted;
  }
}
