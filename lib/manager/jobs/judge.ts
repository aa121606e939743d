import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { jobName } from "../../base/job_state.ts";
import { logger } from "../../base/log.ts";
import type { Store } from "../../store/store.ts";
import type { Events } from "../events/events.ts";
import { nextState } from "./job_lifecycle.ts";

const log = logger("manager", "jobs");

/** Delay before an ended job is judged anew, in milliseconds: several of its commands may come back at once. */
const JUDGE_MS = 1_000;

/** Judges ended jobs anew when an end of a command is replaced that was only presumed. */
export class Judge implements Disposable {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #timers = new Map<bigint, Timer>();
  #isClosed = false;

  constructor(
    { store, clock, events }: {
      readonly store: Store;
      readonly clock: Clock;
      readonly events: Events;
    },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
  }

  /** Judges a job soon. */
  look(id: bigint): void {
    if (this.#timers.has(id) || this.#isClosed) return;
    const timer = this.#clock.timer(JUDGE_MS, () => {
      this.#timers.delete(id);
      this.#judge(id).catch((error) => {
        log.error("Cannot judge job {id} anew: {error}", {
          id: jobName(id),
          error: messageOf(error),
        });
        this.look(id);
      });
    });
    this.#timers.set(id, timer);
  }

  async #judge(id: bigint): Promise<void> {
    const job = await this.#store.recountJob(id);
    if (job === undefined) return;
    const { state, counts } = job;
    const isDone = counts.succeeded === counts.total;
    const next = nextState(state, isDone ? "done" : "undone");
    if (next === undefined) return;
    await this.#store.patchJob({ id, state: next });
    this.#events.add(
      "job_ended",
      `job ${
        jobName(id)
      } is ${next} after all: an agent told how its command ended`,
    );
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
