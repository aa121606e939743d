import type { Clock } from "../../base/clock.ts";
import { isoTime } from "../time.ts";
import { type Wait, type WaitNews, Waits } from "./waits.ts";

/** One that waits: an agent, and its command if there is one. */
export interface JsonWaiter {
  readonly id: bigint | undefined;
  readonly agent: string;
}

/** Events of `--json` that say why agents do not go on: when that changes. */
export class JsonWaits {
  readonly #print: (event: unknown) => Promise<void>;
  readonly #waits: Waits<bigint, JsonWaiter>;

  constructor(clock: Clock, print: (event: unknown) => Promise<void>) {
    this.#print = print;
    this.#waits = new Waits(clock, {
      gatherMs: 0,
      tell: async (news) => {
        for (const each of news) await this.#tell(each);
      },
    });
  }

  /** Takes over why one waits now; undefined if it does not wait. */
  change(
    key: bigint,
    waiter: JsonWaiter,
    wait: Wait | undefined,
  ): Promise<void> {
    return this.#waits.change(key, waiter, wait);
  }

  /** Forgets one: its end is told otherwise. */
  forget(key: bigint): void {
    this.#waits.forget(key);
  }

  /** Forgets all. */
  close(): void {
    this.#waits.close();
  }

  async #tell(
    { phase, reason, since, item }: WaitNews<JsonWaiter>,
  ): Promise<void> {
    if (phase === "again") return;
    const isOver = phase === "over";
    await this.#print({
      event: "waiting",
      id: item.id === undefined ? null : String(item.id),
      agent: item.agent,
      reason: isOver ? null : reason,
      since: isOver || since === undefined ? null : isoTime(since),
    });
  }
}
