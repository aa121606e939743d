import type { Store } from "../../../lib/store/store.ts";
import { isRead, type StoreMethod } from "../../support/store_requests.ts";

/** What was written to a store: which method, and the command or agent that it was about. */
export interface Write {
  readonly method: string;
  readonly about: unknown;
}

/** The store, and a list to which every write is added that is asked of it. */
export function watched(store: Store): { store: Store; writes: Write[] } {
  const writes: Write[] = [];
  const proxy = new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        if (!isHarmless(name)) {
          writes.push({ method: String(name), about: aboutOf(args[0]) });
        }
        return Reflect.apply(member, target, args);
      };
    },
  });
  return { store: proxy, writes };
}

/** It changes nothing, or notes what happened. */
function isHarmless(name: string | symbol): boolean {
  return typeof name === "symbol" || name === "addEvent" ||
    isRead(name as StoreMethod);
}

/** Patches have the id within them. */
function aboutOf(arg: unknown): unknown {
  return typeof arg === "object" && arg !== null && "id" in arg ? arg.id : arg;
}
