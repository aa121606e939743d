import type { Clock, Timer } from "../../base/clock.ts";
import { networkOf } from "../../base/ip.ts";
import type { ManagerParts } from "../manager_parts.ts";

/** Time in which refused hellos of one origin are one event, in milliseconds. */
export const TOGETHER_MS = 60_000;

/** Most origins that are told apart at a time. Hellos of further ones share one event. */
export const MAX_ORIGINS = 1_000;

/** Most names in the text of an event. */
const MAX_NAMES = 3;

/** Origin of the hellos from further addresses. */
const OTHERS = "others";

/** A hello that was not accepted. */
export interface RefusedHello {
  /** Name that the hello gave. */
  readonly name: string;
  /** True if there is an agent of that name. Hellos of names that are made up are told together. */
  readonly isKnown: boolean;
  /** Host that it came from. */
  readonly host: string;
  /** Text for operators. */
  readonly text: string;
}

/** Log of events whose texts may be replaced. */
type DraftLog = Pick<ManagerParts["events"], "addDraft">;

interface Origin {
  /** Monotonic time of the first hello. */
  readonly since: number;
  readonly text: string;
  readonly names: string[];
  /** Replaces the text of the event of the first hello. */
  readonly reword: (text: string) => void;
  count: number;
}

/**
 * Tells operators of refused hellos: one event a minute for each address, and for each agent at that address, with a
 * count. So strangers cannot fill the database.
 */
export class RefusedHellos {
  readonly #events: DraftLog;
  readonly #clock: Clock;
  /** Origins of the last minute, oldest first. */
  readonly #origins = new Map<string, Origin>();
  #timer: Timer | undefined;

  constructor({ events, clock }: { events: DraftLog; clock: Clock }) {
    this.#events = events;
    this.#clock = clock;
  }

  /** Number of origins in memory. */
  get size(): number {
    return this.#origins.size;
  }

  add(hello: RefusedHello): void {
    this.#flush(this.#clock.monotonic() - TOGETHER_MS);
    const own = hello.isKnown
      ? `${networkOf(hello.host)} ${hello.name}`
      : networkOf(hello.host);
    const key = this.#origins.has(own) || this.#origins.size < MAX_ORIGINS
      ? own
      : OTHERS;
    const origin = this.#origins.get(key);
    if (origin === undefined) {
      this.#begin(key, hello);
      return;
    }
    origin.count++;
    const { names } = origin;
    if (names.length <= MAX_NAMES && !names.includes(hello.name)) {
      names.push(hello.name);
    }
  }

  /** Tells all counts, because the Manager stops. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#flush(Infinity);
  }

  #begin(key: string, { name, text }: RefusedHello): void {
    const reword = this.#events.addDraft("agent_refused", text, {
      agent: key === OTHERS ? null : name,
    });
    this.#origins.set(key, {
      since: this.#clock.monotonic(),
      text,
      names: [name],
      reword,
      count: 1,
    });
    this.#timer ??= this.#nextTimer(TOGETHER_MS);
  }

  #nextTimer(ms: number): Timer {
    return this.#clock.timer(ms, () => {
      const now = this.#clock.monotonic();
      this.#timer = undefined;
      this.#flush(now - TOGETHER_MS);
      const [oldest] = this.#origins.values();
      if (oldest === undefined) return;
      this.#timer = this.#nextTimer(oldest.since + TOGETHER_MS - now);
    });
  }

  /** Tells the counts of origins that began at this time or before. */
  #flush(until: number): void {
    for (const [key, origin] of this.#origins) {
      if (origin.since > until) return;
      this.#origins.delete(key);
      if (origin.count > 1) origin.reword(finalText(key, origin));
    }
  }
}

function finalText(key: string, { text, names, count }: Origin): string {
  const [, ...others] = names;
  const shown = others.slice(0, MAX_NAMES - 1).map((name) => `"${name}"`);
  const more = others.length > shown.length ? " and others" : "";
  const also = shown.length > 0 ? `, also as ${shown.join(", ")}${more}` : "";
  const from = key === OTHERS
    ? `, from addresses beyond the first ${MAX_ORIGINS}`
    : "";
  return `${text} (${count} times within a minute${from}${also})`;
}
