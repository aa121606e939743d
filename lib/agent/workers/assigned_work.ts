import { codeOf, messageOf } from "../../base/errors.ts";
import type {
  ProcessIdentity,
  ReapReceipt,
} from "../../operations/operation.ts";
import type { Surroundings } from "../../operations/surroundings.ts";
import {
  type Answer,
  Begun,
  type FromWork,
  MAX_UNTAKEN_PIECES,
  SHARED_BYTES,
  SharedNumber,
  type ToWorker,
  type WorkRequest,
} from "./worker_protocol.ts";
import type { WorkItem, WorkOutcome, WorkSink } from "./workers.ts";

/** Work that a pool gives one of its workers. */
export interface Assignment {
  readonly job: WorkItem;
  readonly sink: WorkSink;
  readonly allowTestOperations: boolean;
  readonly surroundings: Surroundings;
  readonly timerSlack: number | undefined;
  /** Ends the processes that a dead worker has left running. */
  readonly endSurvivors: (
    processes: readonly ProcessIdentity[],
    marker: string,
  ) => Promise<ReapReceipt>;
}

type Post = (message: ToWorker, transfer: Transferable[]) => void;

/** Work item that a worker has, seen from the main thread. */
export class AssignedWork {
  readonly #item: number;
  readonly #assignment: Assignment;
  readonly #over: () => void;
  readonly #processes: ProcessIdentity[] = [];
  #post: Post = () => {};
  #shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  /** Latest way in which it was asked to end. */
  #asked: "stop" | "kill" | undefined;
  #isOver = false;
  #failure: unknown;
  /** Count of output pieces that are not taken yet. */
  #untaken = 0;
  /** Count of output pieces that are taken without the worker knowing it yet. */
  #taken = 0;

  /**
   * @param over Called when its worker is free of it, before the sink hears of the end: that worker may start its next
   * item at once.
   */
  constructor(item: number, assignment: Assignment, over: () => void) {
    this.#item = item;
    this.#assignment = assignment;
    this.#over = over;
  }

  /** Number of the work item, as messages carry it. */
  get item(): number {
    return this.#item;
  }

  /** Timer slack that no other running command may have. */
  get timerSlack(): number | undefined {
    return this.#assignment.timerSlack;
  }

  /** Name of its operation. */
  get operation(): string {
    return this.#assignment.job.operation;
  }

  /** True once its worker has begun it. */
  get hasBegun(): boolean {
    return Atomics.load(this.#shared, SharedNumber.begun) === Begun.yes;
  }

  /** Gives the work to a worker, or to another one after it was withdrawn. */
  giveTo(post: Post): void {
    this.#post = post;
    this.#shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
    if (this.#asked !== undefined) this.#setStop();
    const { job, allowTestOperations, surroundings, timerSlack } =
      this.#assignment;
    post({
      kind: "job",
      item: this.#item,
      job,
      allowTestOperations,
      surroundings,
      timerSlack,
      shared: this.#shared.buffer,
    }, []);
    if (this.#asked !== undefined) this.#end(this.#asked);
  }

  /** Takes the work back; false if its worker has begun it. */
  withdraw(): boolean {
    const { no, withdrawn } = Begun;
    return Atomics.compareExchange(
      this.#shared,
      SharedNumber.begun,
      no,
      withdrawn,
    ) === no;
  }

  stop(): void {
    this.#end(this.#asked ?? "stop");
  }

  kill(): void {
    this.#end("kill");
  }

  /** Gives the work up; false if there was none. */
  abandon(): boolean {
    this.#setStop();
    this.withdraw();
    const had = !this.#isOver;
    this.#isOver = true;
    return had;
  }

  hear(message: FromWork): void {
    if (this.#isOver) return;
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
      case "requests":
        return void this.#answer(message.requests);
      case "ended":
        this.#isOver = true;
        this.#over();
        return sink.ended(this.#judge(message.outcome));
    }
  }

  async died(why: string): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#over();
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

  #setStop(): void {
    Atomics.store(this.#shared, SharedNumber.stop, 1);
  }

  #end(kind: "stop" | "kill"): void {
    this.#asked = kind;
    this.#setStop();
    this.#tell({ kind, item: this.#item });
  }

  #tell(message: ToWorker, transfer: Transferable[] = []): void {
    if (!this.#isOver) this.#post(message, transfer);
  }

  async #output(
    { stream, bytes, offset }: Extract<FromWork, { kind: "output" }>,
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
    this.#tell({ kind: "taken", item: this.#item, count: this.#taken });
    this.#taken = 0;
  }

  async #answer(requests: readonly WorkRequest[]): Promise<void> {
    const { sink } = this.#assignment;
    const answers = await Promise.all(
      requests.map(({ request, type, params }) =>
        sink.request(type, params).then(
          (value): Answer => ({ request, value }),
          (error): Answer => ({
            request,
            code: codeOf(error),
            message: messageOf(error),
          }),
        )
      ),
    );
    // Nobody else holds the bytes of an answer, and transferred memory is not copied.
    const given = answers.flatMap((answer) =>
      "value" in answer && answer.value instanceof Uint8Array &&
        answer.value.buffer instanceof ArrayBuffer
        ? [answer.value.buffer]
        : []
    );
    this.#tell({ kind: "answers", item: this.#item, answers }, given);
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
}
