import type {
  Workers,
  WorkHandle,
  WorkItem,
  WorkOutcome,
  WorkSink,
} from "../../../lib/agent/workers/workers.ts";
import type { Timer } from "../../../lib/base/clock.ts";
import type { FuzzClock } from "./fuzz_clock.ts";
import type { Seeded } from "../../support/seeded.ts";

const OUTCOME: WorkOutcome = { success: true, changed: false, message: "" };

/** Largest number of jobs that run at a time. */
const MAX_BUSY = 8;

/** Workers whose jobs print, ask for data, and end at once, late, on request or never. */
export class FuzzWorkers implements Workers {
  /** Jobs started since the last check. */
  readonly started: WorkItem[] = [];
  readonly #clock: FuzzClock;
  readonly #random: Seeded;
  #busy = 0;

  constructor(clock: FuzzClock, random: Seeded) {
    this.#clock = clock;
    this.#random = random;
  }

  start(job: WorkItem, sink: WorkSink): WorkHandle | undefined {
    if (this.#busy === MAX_BUSY) return undefined;
    this.#busy++;
    this.started.push(job);
    return new FuzzJob(sink, this.#clock, this.#random, () => this.#busy--);
  }

  close(): void {}
}

class FuzzJob implements WorkHandle {
  readonly #sink: WorkSink;
  readonly #clock: FuzzClock;
  readonly #random: Seeded;
  readonly #free: () => void;
  readonly #heeds: "stop" | "kill" | "nothing";
  #timer: Timer | undefined;
  #isOver = false;

  constructor(
    sink: WorkSink,
    clock: FuzzClock,
    random: Seeded,
    free: () => void,
  ) {
    this.#sink = sink;
    this.#clock = clock;
    this.#random = random;
    this.#free = free;
    this.#heeds = random.pick(["stop", "stop", "kill", "nothing"]);
    this.#later(random.pick([0, 0, 1, 10_000]), () => void this.#work());
  }

  stop(): void {
    if (this.#heeds === "stop") this.#end();
  }

  kill(): void {
    if (this.#heeds !== "nothing") this.#end();
  }

  abandon(): void {
    this.#over();
  }

  async #work(): Promise<void> {
    const random = this.#random;
    if (random.chance(0.3)) this.#sink.started({ pid: 17, startTime: "1" });
    if (random.chance(0.3)) this.#sink.progress(1, 2, "half");
    if (random.chance(0.3)) {
      // The Manager may leave the request unanswered.
      await this.#sink.request("data", "{}").catch(() => {});
    }
    let prints = random.pick([0, 1, 3, 3, 6]);
    while (prints-- > 0 && !this.#isOver) {
      await this.#sink.output(
        random.pick(["stdout", "stderr"]),
        new Uint8Array(random.chance(0.05) ? 60_000 : random.below(300)).fill(
          0x2e,
        ),
      );
    }
    if (random.chance(0.8)) this.#later(random.below(2), () => this.#end());
  }

  #later(ms: number, callback: () => void): void {
    if (!this.#isOver) this.#timer = this.#clock.timer(ms, callback);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#over();
    this.#sink.ended({ ...OUTCOME, success: this.#random.chance(0.7) });
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#free();
  }
}
