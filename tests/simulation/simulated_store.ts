import { PiriError } from "../../lib/base/errors.ts";
import type { Store } from "../../lib/store/store.ts";
import { isRead, type StoreMethod } from "../support/store_requests.ts";
import type { Life } from "./life.ts";
import { never } from "./life.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** What a simulated store is made of. */
export interface SimulatedStoreOptions {
  readonly life: Life;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  /** How long a commit takes now, milliseconds. */
  readonly commitMs: () => number;
  /** How likely a commit is to fail. */
  readonly failing: () => number;
  /** Hears of each write once it is durable. */
  readonly written: (method: StoreMethod, args: readonly unknown[]) => void;
  /** May change what goes in, for a bug that is planted. */
  readonly changed: (
    method: StoreMethod,
    args: readonly unknown[],
  ) => readonly unknown[];
  /** May change what comes out. */
  readonly answered: (method: StoreMethod, answer: unknown) => unknown;
  /** A bug that is planted: writes are answered before they are durable. */
  readonly hasty: boolean;
  /** Asked for and not durable: bytes of output. */
  readonly waiting: (bytes: number) => void;
}

interface Request {
  readonly method: StoreMethod;
  readonly args: readonly unknown[];
  readonly answer: PromiseWithResolvers<unknown>;
}

/**
 * A real store, as one run of the Manager sees it: a commit takes its time, and may be done and not answered, or never be
 * done, when the Manager dies.
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
    // What needs an answer from the database gets it in time; all else is told to be done at once.
    if (hasty && /^(patch|append)/.test(method)) return undefined;
    return await life.guarded(request.answer.promise);
  }

  /** What is asked for while a commit is under way is committed with the next. */
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

  /** Does it, and returns how to tell who asked. */
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

  /** Nothing of it is done. */
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
