import type { Store } from "../../lib/store/store.ts";

/** A method of a store. */
type Method = Exclude<keyof Store, "managerId" | typeof Symbol.asyncDispose>;

/** A store whose requests wait or fail when a test wants that. */
export class SlowStore {
  /** The store, as others see it. */
  readonly store: Store;
  readonly #gates = new Map<Method, PromiseWithResolvers<void>>();
  readonly #failures = new Map<Method, Error>();

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

  /** From now on requests of this kind wait. What is returned lets them go, in their order. */
  hold(method: Method): () => void {
    const gate = Promise.withResolvers<void>();
    this.#gates.set(method, gate);
    return () => {
      this.#gates.delete(method);
      gate.resolve();
    };
  }

  /** The next request of this kind fails. */
  failOnce(method: Method, error: Error): void {
    this.#failures.set(method, error);
  }

  #call(method: Method, call: () => unknown): unknown {
    const failure = this.#failures.get(method);
    this.#failures.delete(method);
    const answer = failure === undefined ? call : () => Promise.reject(failure);
    return this.#gates.get(method)?.promise.then(answer) ?? answer();
  }
}
