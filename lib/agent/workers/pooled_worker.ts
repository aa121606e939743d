import { codeOf, messageOf } from "../../base/errors.ts";
import type {
  ProcessIdentity,
  ReapReceipt,
} from "../../operations/operation.ts";
import type { Surroundings } from "../../operations/surroundings.ts";
import {
  type FromWorker,
  MAX_UNTAKEN_PIECES,
  type ToWorker,
} from "./worker_protocol.ts";
import type { WorkHandle, WorkItem, WorkOutcome, WorkSink } from "./workers.ts";

/** Work that a pool gives one of its workers. */
export interface Assignment {
  readonly job: WorkItem;
  readonly sink: WorkSink;
  readonly allowTestOperations: boolean;
  readonly surroundings: Surroundings;
  readonly timerSlack: number | undefined;
  /**
   * Called when the worker is idle again, before the sink hears of the end: the worker may start its next item at once.
   */
  readonly over: () => void;
  /** Ends the processes that a dead worker has left running. */
  readonly endSurvivors: (
    processes: readonly ProcessIdentity[],
    marker: string,
  ) => Promise<ReapReceipt>;
}

/** One worker thread, seen from the main thread. */
export class PooledWorker {
  readonly #thread: Worker;
  readonly #gone: () => void;
  #assignment: RunningAssignment | undefined;

  /** Calls `gone` when the thread died or was given up: the worker must not be used any more. */
  constructor(url: URL, gone: () => void) {
    this.#gone = gone;
    this.#thread = new Worker(url, { type: "module", name: "operation" });
    this.#thread.onmessage = ({ data }: MessageEvent<FromWorker>) =>
      this.#assignment?.hear(data);
    // Without preventDefault an error in a worker ends the whole program.
    this.#thread.onerror = (event) => {
      event.preventDefault();
      this.#die(event.message);
    };
    this.#thread.onmessageerror = () => this.#die("a message was damaged");
  }

  /** Starts a work item. The worker must be idle. */
  start(assignment: Assignment): WorkHandle {
    const running = new RunningAssignment(
      assignment,
      (message, transfer = []) => this.#thread.postMessage(message, transfer),
    );
    this.#assignment = running;
    return {
      stop: () => running.stop(),
      kill: () => running.kill(),
      abandon: () => {
        if (!running.abandon()) return;
        this.terminate();
        this.#gone();
      },
    };
  }

  /** Gives the thread up. It ends when it next returns to its event loop; if it never returns, it never ends. */
  terminate(): void {
    this.#assignment?.abandon();
    this.#thread.terminate();
  }

  #die(why: string): void {
    this.#thread.terminate();
    this.#gone();
    this.#assignment?.died(why);
  }
}

class RunningAssignment {
  readonly #assignment: Assignment;
  readonly #post: (message: ToWorker, transfer?: Transferable[]) => void;
  readonly #stopFlag = new Int32Array(new SharedArrayBuffer(4));
  readonly #processes: ProcessIdentity[] = [];
  #over = false;
  #failure: unknown;
  /** Count of output pieces that are not taken yet. */
  #untaken = 0;
  /** Count of output pieces that are taken without the worker knowing it yet. */
  #taken = 0;

  constructor(
    assignment: Assignment,
    post: (message: ToWorker, transfer?: Transferable[]) => void,
  ) {
    this.#assignment = assignment;
    this.#post = post;
    const { job, allowTestOperations, surroundings, timerSlack } = assignment;
    post({
      kind: "job",
      job,
      allowTestOperations,
      surroundings,
      timerSlack,
      stopFlag: this.#stopFlag.buffer,
    });
  }

  stop(): void {
    Atomics.store(this.#stopFlag, 0, 1);
    if (!this.#over) this.#post({ kind: "stop" });
  }

  kill(): void {
    Atomics.store(this.#stopFlag, 0, 1);
    if (!this.#over) this.#post({ kind: "kill" });
  }

  /** Gives the work up; false if there was none. */
  abandon(): boolean {
    Atomics.store(this.#stopFlag, 0, 1);
    const had = !this.#over;
    this.#over = true;
    return had;
  }

  hear(message: FromWorker): void {
    if (this.#over) return;
    const { sink } = this.#assignment;
    switch (message.kind) {
      case "started":
        this.#processes.push(message.identity);
        return sink.started(message.identity);
      case "shield":
        return sink.shield?.(message.isOn);
      case "output":
        return void this.#output(message);
      case "progress":
        return sink.progress(message.current, message.total, message.message);
      case "request":
        return void this.#request(message);
      case "ended":
        return this.#end(this.#judge(message.outcome));
    }
  }

  async died(why: string): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const { job, endSurvivors, sink } = this.#assignment;
    const reaped = await endSurvivors(this.#processes, job.marker)
      .catch(() => undefined);
    sink.ended({
      success: false,
      // It is unknown how far the operation came.
      changed: true,
      message: `Cannot finish "${job.operation}": its thread died: ${why}`,
      errorCode: "INTERNAL",
      ...(reaped === undefined ? {} : { reaped }),
    });
  }

  async #output(
    { stream, bytes, offset }: Extract<FromWorker, { kind: "output" }>,
  ): Promise<void> {
    this.#untaken++;
    try {
      // After a piece that could not be stored, later pieces would leave a hole.
      if (this.#failure === undefined) {
        await this.#assignment.sink.output(stream, bytes, offset);
      }
    } catch (error) {
      this.#failure ??= error;
      this.kill();
    }
    this.#untaken--;
    this.#taken++;
    this.#tellTaken();
  }

  /**
   * Tells the worker of taken pieces. Waking it costs as much as a piece, so it hears of several at a time, and of the
   * last one at once.
   */
  #tellTaken(): void {
    if (this.#untaken > 0 && this.#taken < MAX_UNTAKEN_PIECES / 2) return;
    if (!this.#over) this.#post({ kind: "taken", count: this.#taken });
    this.#taken = 0;
  }

  async #request(
    { request, type, params }: Extract<FromWorker, { kind: "request" }>,
  ): Promise<void> {
    const answer = await this.#assignment.sink.request(type, params).then(
      (value) => ({ value }),
      (error) => ({ code: codeOf(error), message: messageOf(error) }),
    );
    if (this.#over) return;
    // Nobody else holds the bytes of an answer, and transferred memory is not copied.
    const given = "value" in answer && answer.value instanceof Uint8Array &&
        answer.value.buffer instanceof ArrayBuffer
      ? [answer.value.buffer]
      : [];
    this.#post({ kind: "answer", request, answer }, given);
  }

  #judge(outcome: WorkOutcome): WorkOutcome {
    if (this.#failure === undefined) return outcome;
    // The hashes are of output that was not stored.
    const { printed: _, ...rest } = outcome;
    return {
      ...rest,
      success: false,
      message: messageOf(this.#failure),
      errorCode: codeOf(this.#failure),
    };
  }

  #end(outcome: WorkOutcome): void {
    this.#over = true;
    this.#assignment.over();
    this.#assignment.sink.ended(outcome);
  }
}
