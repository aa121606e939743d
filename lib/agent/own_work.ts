import { codeOf, messageOf } from "../base/errors.ts";
import type {
  Workers,
  WorkHandle,
  WorkItem,
  WorkOutcome,
  WorkSink,
} from "./workers/workers.ts";

/** Means of an operation on the agent itself. */
export interface OwnContext {
  readonly sink: Pick<WorkSink, "progress" | "request">;
  /** Aborted when somebody wants its end. A short operation ends before that. */
  readonly signal: AbortSignal;
}

/** Operation on the agent itself. Throws a PiriError if it fails. */
export type OwnOperation = (
  item: WorkItem,
  context: OwnContext,
) => Promise<WorkOutcome>;

/**
 * Carries out operations on the agent itself in this thread, which has its keys, and leaves all others to workers. So no
 * worker, nor anything that it runs, gets a key.
 */
export class OwnWork implements Workers {
  readonly #workers: Workers;
  readonly #own: ReadonlyMap<string, OwnOperation>;

  constructor(workers: Workers, own: ReadonlyMap<string, OwnOperation>) {
    this.#workers = workers;
    this.#own = own;
  }

  start(item: WorkItem, sink: WorkSink): WorkHandle | undefined {
    const operation = this.#own.get(item.operation);
    if (operation === undefined) return this.#workers.start(item, sink);
    const end = new AbortController();
    void outcomeOf(operation, item, { sink, signal: end.signal })
      .then((outcome) => sink.ended(outcome));
    return {
      stop: () => end.abort(),
      kill() {},
      abandon() {},
    };
  }

  close(): void {
    this.#workers.close();
  }
}

async function outcomeOf(
  operation: OwnOperation,
  item: WorkItem,
  context: OwnContext,
): Promise<WorkOutcome> {
  try {
    return await operation(item, context);
  } catch (error) {
    return {
      success: false,
      changed: false,
      errorCode: codeOf(error),
      message: messageOf(error),
    };
  }
}
