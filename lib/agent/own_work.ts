import { codeOf, messageOf } from "../base/errors.ts";
import type {
  Workers,
  WorkHandle,
  WorkItem,
  WorkOutcome,
  WorkSink,
} from "./workers/workers.ts";

/** Operation on the agent itself. Throws a PiriError if it fails. */
export type OwnOperation = (item: WorkItem) => Promise<WorkOutcome>;

/** Work of short operations on the agent itself: they end before anybody can stop them. */
const UNSTOPPABLE: WorkHandle = {
  stop() {},
  kill() {},
  abandon() {},
};

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
    void outcomeOf(operation, item).then((outcome) => sink.ended(outcome));
    return UNSTOPPABLE;
  }

  close(): void {
    this.#workers.close();
  }
}

async function outcomeOf(
  operation: OwnOperation,
  item: WorkItem,
): Promise<WorkOutcome> {
  try {
    return await operation(item);
  } catch (error) {
    return {
      success: false,
      changed: false,
      errorCode: codeOf(error),
      message: messageOf(error),
    };
  }
}
