import type { Store } from "../../../lib/store/store.ts";

/** What was written to a store: which method, and the command or agent that it was about. */
export interface Write {
  readonly method: string;
  readonly about: unknown;
}

/** Requests that change nothing, and notes of what happened. */
const HARMLESS: ReadonlySet<string | symbol> = new Set([
  "agents",
  "agent",
  "findRequest",
  "command",
  "commands",
  "openCommands",
  "lastCommandId",
  "readOutput",
  "events",
  "stats",
  "addEvent",
  Symbol.asyncDispose,
]);

/** The store, and a list to which every write is added that is asked of it. */
export function watched(store: Store): { store: Store; writes: Write[] } {
  const writes: Write[] = [];
  const proxy = new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        if (!HARMLESS.has(name)) {
          writes.push({ method: String(name), about: aboutOf(args[0]) });
        }
        return Reflect.apply(member, target, args);
      };
    },
  });
  return { store: proxy, writes };
}

/** Patches have the id within them. */
function aboutOf(arg: unknown): unknown {
  return typeof arg === "object" && arg !== null && "id" in arg ? arg.id : arg;
}
