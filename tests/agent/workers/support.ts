import { createHash } from "node:crypto";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  WorkerPool,
  type WorkerPoolOptions,
} from "../../../lib/agent/workers/worker_pool.ts";
import type {
  WorkItem,
  WorkOutcome,
  WorkSink,
} from "../../../lib/agent/workers/workers.ts";
import type {
  ProcessIdentity,
  StreamName,
} from "../../../lib/operations/operation.ts";

/** Records all its calls. */
export class TestSink implements WorkSink {
  readonly processes: ProcessIdentity[] = [];
  readonly pieces: { stream: StreamName; bytes: Uint8Array<ArrayBuffer> }[] =
    [];
  readonly progressSeen: { current: number; total: number }[] = [];
  readonly #outcome = Promise.withResolvers<WorkOutcome>();
  readonly #replies: Partial<Pick<WorkSink, "output" | "request">>;

  constructor(replies: Partial<Pick<WorkSink, "output" | "request">> = {}) {
    this.#replies = replies;
  }

  get outcome(): Promise<WorkOutcome> {
    return this.#outcome.promise;
  }

  stdout(): Promise<Uint8Array<ArrayBuffer>> {
    return this.printed("stdout");
  }

  async printed(name: StreamName): Promise<Uint8Array<ArrayBuffer>> {
    const pieces = this.pieces.filter(({ stream }) => stream === name);
    const blob = new Blob(pieces.map(({ bytes }) => bytes));
    return new Uint8Array(await blob.arrayBuffer());
  }

  started(identity: ProcessIdentity): void {
    this.processes.push(identity);
  }

  output(stream: StreamName, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.pieces.push({ stream, bytes });
    return this.#replies.output?.(stream, bytes) ?? Promise.resolve();
  }

  progress(current: number, total: number): void {
    this.progressSeen.push({ current, total });
  }

  request(type: string, params: string): Promise<string | Uint8Array> {
    return this.#replies.request?.(type, params) ??
      Promise.reject(new PiriError("NOT_FOUND", "There is no data"));
  }

  ended(outcome: WorkOutcome): void {
    this.#outcome.resolve(outcome);
  }
}

/** SHA-256 of what was printed. */
export function hashOf(printed: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(printed).digest());
}

/** Makes a pool that is closed at the end of a test. */
export function newPool(
  options: Partial<WorkerPoolOptions> = {},
): WorkerPool & AsyncDisposable {
  const pool = new WorkerPool({ allowTestOperations: true, ...options });
  return Object.assign(pool, {
    // Terminating takes a turn of the event loop.
    [Symbol.asyncDispose]: () => {
      pool.close();
      return new Promise<void>((resolve) => setTimeout(resolve, 0));
    },
  });
}

/** Makes a work item with a marker of its own. */
export function jobOf(operation: string, params: unknown): WorkItem {
  return {
    commandId: 1n,
    operation,
    params: JSON.stringify(params),
    marker: `test-${crypto.randomUUID()}`,
  };
}
