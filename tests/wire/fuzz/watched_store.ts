import type { Store } from "../../../lib/store/store.ts";
import { isRead, type StoreMethod } from "../../support/store_requests.ts";

/** A write to a store: its method, and the command or agent that it concerns. */
export interface Write {
  readonly method: string;
  readonly about: unknown;
}

/** Wraps a store, and lists every write to it. */
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

/** True for a method that changes nothing, or only an event. */
function isHarmless(name: string | symbol): boolean {
  return typeof name === "symbol" || name === "addEvent" ||
    name === "rewordEvent" || isRead(name as StoreMethod);
}

/** Id of the record that a call concerns. Patches contain it. */
function aboutOf(arg: unknown): unknown {
  return typeof arg === "object" && arg !== null && "id" in arg ? arg.id : arg;
}
