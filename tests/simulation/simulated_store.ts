import { PiriError } from "../../lib/base/errors.ts";
import type { OutputFigures } from "../../lib/store/records.ts";
import type { Store } from "../../lib/store/store.ts";
import { isRead, type StoreMethod } from "../support/store_requests.ts";
import type { Life } from "./life.ts";
import { never } from "./life.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** Parts of a simulated store. */
export interface SimulatedStoreOptions {
  readonly life: Life;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  /** Duration of a commit now, in milliseconds. */
  readonly commitMs: () => number;
  /** Probability that a commit fails. */
  readonly failing: () => number;
  /** Called with each write once it is durable. */
  readonly written: (method: StoreMethod, args: readonly unknown[]) => void;
  /** May change a request, for a planted bug. */
  readonly changed: (
    method: StoreMethod,
    args: readonly unknown[],
  ) => readonly unknown[];
  /** May change an answer. */
  readonly answered: (
    method: StoreMethod,
    answer: unknown,
    args: readonly unknown[],
  ) => unknown;
  /** Planted bug: writes are answered before they are durable. */
  readonly hasty: boolean;
  /** Called with the count of output bytes that were asked for and are not durable. */
  readonly waiting: (bytes: number) => void;
}

const NO_FIGURES: OutputFigures = { outputKept: 0n, truncated: false };

interface Request {
  readonly method: StoreMethod;
  readonly args: readonly unknown[];
  readonly answer: PromiseWithResolvers<unknown>;
}

/**
 * Real store as one run of the Manager sees it. A commit takes its time. If the Manager dies, a commit may be done
 * without an answer, or never be done.
 */
export function simulatedStore(
  store: Store,
  options: SimulatedStoreOptions,
): Store {
  const queue = new StoreQueue(store, options);
  return new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => queue.ask(name as StoreMethod, args);
    },
  });
}

class StoreQueue {
  readonly #store: Store;
  readonly #options: SimulatedStoreOptions;
  #waiting: Request[] = [];
  #waitingBytes = 0;
  #isBusy = false;

  constructor(store: Store, options: SimulatedStoreOptions) {
    this.#store = store;
    this.#options = options;
  }

  async ask(method: StoreMethod, given: readonly unknown[]): Promise<unknown> {
    const { life, changed, hasty } = this.#options;
    if (!life.passes()) return await never();
    const args = changed(method, given);
    if (isRead(method) && !this.#isBusy && this.#waiting.length === 0) {
      return await life.guarded(this.#do(method, args));
    }
    const request = { method, args, answer: Promise.withResolvers<unknown>() };
    request.answer.promise.catch(() => {});
    this.#waiting.push(request);
    this.#count(request, 1);
    if (!this.#isBusy) this.#commitSoon();
    // Writes that need an answer from the database get it in time; all others are reported as done at once.
    if (hasty && method === "patchCommand") return undefined;
    if (hasty && method === "appendOutput") return NO_FIGURES;
    return await life.guarded(request.answer.promise);
  }

  /** Commits requests that come during a commit together with the next one. */
  #commitSoon(): void {
    const { life, time, random, commitMs } = this.#options;
    this.#isBusy = true;
    const ms = commitMs();
    const before = ms * random.fraction();
    time.after(before, () => {
      if (!life.isAlive) return;
      const batch = this.#waiting;
      this.#waiting = [];
      const fails = random.chance(this.#options.failing());
      const answers = batch.map((request) =>
        fails && !isRead(request.method)
          ? this.#refuse(request)
          : this.#perform(request)
      );
      time.after(ms - before, () => {
        if (!life.passes()) return;
        for (const tell of answers) tell();
        this.#isBusy = false;
        if (this.#waiting.length > 0) this.#commitSoon();
      });
    });
  }

  /** Carries out a request, and returns a function that answers the caller. */
  #perform(request: Request): () => void {
    const { method, args, answer } = request;
    const done = this.#do(method, args).then((value) => {
      this.#options.written(method, args);
      return value;
    });
    done.catch(() => {});
    this.#count(request, -1);
    return () => void done.then(answer.resolve, answer.reject);
  }

  /** Fails a request without doing any of it. */
  #refuse(request: Request): () => void {
    const cause = "Cannot commit: planned";
    this.#count(request, -1);
    return () => request.answer.reject(new PiriError("DISK", cause));
  }

  async #do(method: StoreMethod, args: readonly unknown[]): Promise<unknown> {
    const { time, answered } = this.#options;
    time.underWay++;
    try {
      const member: unknown = Reflect.get(this.#store, method, this.#store);
      if (typeof member !== "function") throw new TypeError(method);
      return answered(
        method,
        await Reflect.apply(member, this.#store, [...args]),
        args,
      );
    } finally {
      time.underWay--;
    }
  }

  #count({ method, args: [, piece] }: Request, sign: 1 | -1): void {
    if (method !== "appendOutput") return;
    const { bytes } = piece as { bytes: Uint8Array };
    this.#waitingBytes += sign * bytes.length;
    this.#options.waiting(this.#waitingBytes);
  }
}
