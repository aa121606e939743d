import type { Store } from "./store.ts";

/** Arguments of a method of the Store. */
export type StoreArgs<K extends keyof Store> = Store[K] extends
  (...args: infer A) => unknown ? A : never;
