import { HashingOutput } from "../../lib/agent/workers/printed_hashes.ts";
import type {
  Workers,
  WorkHandle,
  WorkItem,
  WorkOutcome,
  WorkSink,
} from "../../lib/agent/workers/workers.ts";

/** Outcome of a success. */
export const SUCCEEDED: WorkOutcome = {
  success: true,
  changed: false,
  message: "",
};

/** Work item that a test carries out by calling its sink. */
export class FakeJob {
  /** Requests to end it, in order. */
  readonly asked: string[] = [];
  readonly #hashing = new HashingOutput();

  constructor(readonly job: WorkItem, readonly sink: WorkSink) {}

  /** Prints text; resolves when more may be printed. */
  prints(text: string, stream: "stdout" | "stderr" = "stdout"): Promise<void> {
    return this.#prints(stream, new TextEncoder().encode(text).slice());
  }

  /** Prints `length` bytes. */
  printsBytes(length: number): Promise<void> {
    return this.#prints("stdout", new Uint8Array(length).fill(120));
  }

  ends(outcome: Partial<WorkOutcome> = {}): void {
    const printed = this.#hashing.digest();
    this.sink.ended({ ...SUCCEEDED, printed, ...outcome });
  }

  #prints(
    stream: "stdout" | "stderr",
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    this.#hashing.add(stream, bytes);
    return this.sink.output(stream, bytes);
  }
}

/** Workers whose items a test carries out. */
export class FakeWorkers implements Workers {
  readonly jobs: FakeJob[] = [];
  /** True if another worker is free. */
  free = true;
  closed = false;

  start(job: WorkItem, sink: WorkSink): WorkHandle | undefined {
    if (!this.free) return undefined;
    const started = new FakeJob(job, sink);
    this.jobs.push(started);
    return {
      stop: () => started.asked.push("stop"),
      kill: () => started.asked.push("kill"),
      abandon: () => started.asked.push("abandon"),
    };
  }

  close(): void {
    this.closed = true;
  }

  /** Item that was started last. */
  get newest(): FakeJob {
    const job = this.jobs.at(-1);
    if (job === undefined) throw new Error("no job was started");
    return job;
  }
}
