import { PiriError } from "../base/errors.ts";
import type { CommandPatch } from "./records.ts";
import type { Store } from "./store.ts";
import {
  fromFailure,
  type FromWorker,
  type StoreAnswer,
  type StoreCall,
  type StoreMethod,
  type ToWorker,
} from "./worker_protocol.ts";

/** What runs in the thread. The build puts the bundled worker where this points. */
const WORKER_URL = new URL("./store_worker.ts", import.meta.url);

/** The methods of a Store; the type sees to it that none is missing. */
const METHODS: Readonly<Record<StoreMethod, true>> = {
  agents: true,
  agent: true,
  addAgent: true,
  setToken: true,
  enrolAgent: true,
  removeAgent: true,
  admitAgent: true,
  agentLeft: true,
  createCommands: true,
  findRequest: true,
  patchCommand: true,
  command: true,
  commands: true,
  openCommands: true,
  lastCommandId: true,
  appendOutput: true,
  readOutput: true,
  addEvent: true,
  events: true,
  prune: true,
  stats: true,
};

/**
 * Opens a Manager's database in a thread of its own.
 *
 * @throws {PiriError} as `openStore`
 */
export async function openWorkerStore(path: string): Promise<Store> {
  const thread = new StoreThread();
  try {
    const managerId = await thread.open(path);
    return storeOn(thread, managerId);
  } catch (error) {
    thread.terminate();
    throw error;
  }
}

/** A Store whose every method is a call to the thread. */
function storeOn(thread: StoreThread, managerId: string): Store {
  const methods = Object.keys(METHODS).map((method) =>
    [
      method,
      (...args: readonly unknown[]) => thread.call(method as StoreMethod, args),
    ] as const
  );
  // Each method passes its arguments on and its answer back, so the types are those of the Store.
  return Object.assign(Object.fromEntries(methods), {
    managerId,
    patchCommand: (patch: CommandPatch) => thread.patch(patch),
    appendOutput: (id: bigint, piece: Piece) =>
      thread.call("appendOutput", [id, { ...piece, bytes: own(piece.bytes) }]),
    [Symbol.asyncDispose]: () => thread.close(),
  }) as unknown as Store;
}

type Piece = Parameters<Store["appendOutput"]>[1];

/** Posting a view posts all of the memory under it, which may hold a thousand small frames. */
function own(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

interface Pending {
  answer: Answer;
  /** The message that the call went with. */
  batch: Batch | undefined;
}

/** Who waits for an answer. */
type Answer = Pick<PromiseWithResolvers<unknown>, "resolve" | "reject">;

/** A patch that has not been posted. */
interface WaitingPatch {
  /** Of the call. */
  readonly id: number;
  readonly patch: CommandPatch;
}

/** A message of calls: how many of them are not answered. */
interface Batch {
  left: number;
}

/** So many messages are on their way at most: what is asked for meanwhile goes together, and is committed together. */
const MOST_UNDER_WAY = 2;

/** The thread, and the calls that it has not answered. */
class StoreThread {
  readonly #worker = new Worker(WORKER_URL, { type: "module", name: "store" });
  readonly #opened = Promise.withResolvers<string>();
  readonly #pending = new Map<number, Pending>();
  /** What has not been posted, in the order in which it was asked for. */
  readonly #calls = new Map<number, StoreCall>();
  /** Patches among the calls that another of the same command may still be laid over. */
  readonly #patches = new Map<bigint, WaitingPatch>();
  #underWay = 0;
  #lastId = 0;
  #failure: Error | undefined;
  #closed: Promise<void> | undefined;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) =>
      this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(
        new PiriError("INTERNAL", `The store's thread ended: ${event.message}`),
      );
    };
  }

  open(path: string): Promise<string> {
    this.#post({ kind: "open", path });
    return this.#opened.promise;
  }

  call(
    method: StoreCall["method"],
    args: readonly unknown[],
  ): Promise<unknown> {
    // A read sees the writes before it, so none of them may move behind it.
    if (method !== "appendOutput") this.#patches.clear();
    return this.#ask(method, args);
  }

  #ask(
    method: StoreCall["method"],
    args: readonly unknown[],
  ): Promise<unknown> {
    if (this.#closed !== undefined && method !== "close") {
      return Promise.reject(
        new PiriError(
          "FAILED_PRECONDITION",
          "Cannot use the database: it is closed",
        ),
      );
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#lastId++;
    const id = this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, { answer, batch: undefined });
    this.#calls.set(id, { id, method, args });
    // What is asked for in one go is one message.
    if (this.#calls.size === 1) queueMicrotask(() => this.#flush());
    return answer.promise;
  }

  /**
   * Patches of one command that have not been posted become one, where the last of them was asked for: a command that
   * begins and ends at once is written once.
   */
  patch(patch: CommandPatch): Promise<unknown> {
    const earlier = this.#patches.get(patch.id);
    const whole = earlier === undefined
      ? patch
      : { ...earlier.patch, ...patch };
    const answered = this.#ask("patchCommand", [whole]);
    const id = this.#lastId;
    if (!this.#calls.has(id)) return answered;
    if (earlier !== undefined) this.#join(earlier.id, id);
    this.#patches.set(patch.id, { id, patch: whole });
    return answered;
  }

  /** Drops a call for a later one that says the same and more; who waited for the first waits for the second. */
  #join(droppedId: number, id: number): void {
    const dropped = this.#pending.get(droppedId);
    const pending = this.#pending.get(id);
    if (dropped === undefined || pending === undefined) return;
    this.#pending.delete(droppedId);
    this.#calls.delete(droppedId);
    const { answer } = pending;
    pending.answer = {
      resolve: (value) => {
        dropped.answer.resolve(value);
        answer.resolve(value);
      },
      reject: (reason) => {
        dropped.answer.reject(reason);
        answer.reject(reason);
      },
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  terminate(): void {
    this.#worker.terminate();
  }

  async #close(): Promise<void> {
    try {
      await this.call("close", []);
    } finally {
      this.terminate();
    }
  }

  #flush(): void {
    if (this.#underWay >= MOST_UNDER_WAY || this.#calls.size === 0) return;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#patches.clear();
    // A prune takes its time between the others, so nobody waits for its answer.
    const counted = calls.filter(({ method }) => method !== "prune");
    if (counted.length > 0) {
      this.#underWay++;
      const batch = { left: counted.length };
      for (const { id } of counted) {
        const pending = this.#pending.get(id);
        if (pending !== undefined) pending.batch = batch;
      }
    }
    this.#post({ kind: "calls", calls });
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case "opened":
        return this.#opened.resolve(message.managerId);
      case "refused":
        return this.#opened.reject(fromFailure(message.failure));
      case "answers":
        return message.answers.forEach((answer) => this.#settle(answer));
    }
  }

  #settle(answer: StoreAnswer): void {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return;
    this.#pending.delete(answer.id);
    if ("failure" in answer) pending.answer.reject(fromFailure(answer.failure));
    else pending.answer.resolve(answer.value);
    const { batch } = pending;
    if (batch === undefined) return;
    batch.left--;
    if (batch.left > 0) return;
    this.#underWay--;
    this.#flush();
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#opened.reject(error);
    for (const { answer } of this.#pending.values()) answer.reject(error);
    this.#pending.clear();
  }
}
