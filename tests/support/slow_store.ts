import type { Store } from "../../lib/store/store.ts";
import { isWrite } from "./store_requests.ts";

/** Method of a store. */
type Method = Exclude<keyof Store, "managerId" | typeof Symbol.asyncDispose>;

/** Store whose requests wait or fail when a test wants it. */
export class SlowStore {
  /** The store as its users see it. */
  readonly store: Store;
  readonly #gates = new Map<Method, PromiseWithResolvers<void>>();
  readonly #failures = new Map<Method, Error>();
  /** Error of all writes, while the disk is full. */
  full: Error | undefined;

  constructor(store: Store) {
    this.store = new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) =>
          this.#call(name as Method, () => Reflect.apply(member, target, args));
      },
    });
  }

  /** Makes requests of this kind wait from now on. Returns a function that lets them go, in their order. */
  hold(method: Method): () => void {
    const gate = Promise.withResolvers<void>();
    this.#gates.set(method, gate);
    return () => {
      this.#gates.delete(method);
      gate.resolve();
    };
  }

  /** Makes the next request of this kind fail. */
  failOnce(method: Method, error: Error): void {
    this.#failures.set(method, error);
  }

  #call(method: Method, call: () => unknown): unknown {
    const failure = this.#failures.get(method) ??
      (isWrite(method) ? this.full : undefined);
    this.#failures.delete(method);
    const answer = failure === undefined ? call : () => Promise.reject(failure);
    return this.#gates.get(method)?.promise.then(answer) ?? answer();
  }
}
