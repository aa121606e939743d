import type { Clock, Timer } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { fetchFailureOf } from "../../base/fetch_text.ts";
import { jobName } from "../../base/job_state.ts";
import { logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { VERSION } from "../../base/version.ts";
import type { Delivery } from "../../store/delivery_records.ts";
import type { Store } from "../../store/store.ts";
import type { Events } from "../events/events.ts";
import { bodyOf } from "./message.ts";
import { isGone, type Post, refusalOf } from "./post.ts";
import { signatureOf } from "./signature.ts";
import { originOf, type Webhook } from "./webhook.ts";

const log = logger("manager", "webhooks");

/** Time for one attempt, in milliseconds. */
export const TIMEOUT_MS = 15_000;

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Delays after each failed attempt, in milliseconds. After the attempt that follows the last one, an event is given up. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5_000,
  30_000,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
  4 * HOUR_MS,
  8 * HOUR_MS,
];

/** Part of a delay by which it is longer, at most, so that receivers are not asked by many Managers at once. */
const JITTER = 0.2;

/** Most events that wait for one receiver. */
export const MAX_WAITING = 10_000;

/** Parts of the Manager that webhooks need. */
export interface HookParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Pick<Events, "add">;
  readonly counters: Counters;
  readonly post: Post;
}

/** A delivery in memory, with the monotonic time of its next attempt. */
interface Waiting {
  readonly delivery: Delivery;
  readonly due: number;
}

/** Tells one webhook its events, one at a time. One that fails does not hold up the others. */
export class HookQueue {
  readonly #parts: HookParts;
  /** Settings in use. */
  #webhook: Webhook;
  #waiting: Waiting[] = [];
  #timer: Timer | undefined;
  #attempt:
    | { readonly done: Promise<void>; readonly stop: AbortController }
    | undefined;
  /** True from the first failure on, until an event arrives. */
  #isFailing = false;
  #isClosed = false;

  constructor(webhook: Webhook, parts: HookParts) {
    this.#webhook = webhook;
    this.#parts = parts;
  }

  get webhook(): Webhook {
    return this.#webhook;
  }

  /** Number of events that can be added. */
  get room(): number {
    return MAX_WAITING - this.#waiting.length;
  }

  /** Takes other settings over, from the next attempt on. */
  adopt(webhook: Webhook): void {
    this.#webhook = webhook;
  }

  /** Adds recorded deliveries. */
  add(deliveries: readonly Delivery[]): void {
    const { clock } = this.#parts;
    for (const delivery of deliveries) {
      // A clock that was set back does not put it off for longer than the longest delay.
      const delay = Math.min(delivery.nextAt - clock.now(), longest());
      const due = clock.monotonic() + Math.max(0, delay);
      this.#waiting.push({ delivery, due });
    }
    this.#goOn();
  }

  /** Starts no attempt any more, and waits for the one that goes on, for at most a time. */
  async close(ms: number): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    const timer = this.#parts.clock.timer(ms, () => attempt.stop.abort());
    await attempt.done;
    timer.cancel();
  }

  /** Starts the attempt that is due, or a timer for the next. */
  #goOn(): void {
    if (this.#isClosed || this.#attempt !== undefined) return;
    this.#timer?.cancel();
    const next = this.#waiting.reduce<Waiting | undefined>(
      (least, each) =>
        least === undefined || each.due < least.due ? each : least,
      undefined,
    );
    if (next === undefined) return;
    const { clock } = this.#parts;
    const delay = next.due - clock.monotonic();
    if (delay > 0) {
      this.#timer = clock.timer(delay, () => this.#goOn());
      return;
    }
    const stop = new AbortController();
    const done = this.#try(next, stop).catch((error) => {
      log.error("Cannot tell an event: {error}", { error });
    }).finally(() => {
      this.#attempt = undefined;
      this.#goOn();
    });
    this.#attempt = { done, stop };
  }

  async #try(waiting: Waiting, stop: AbortController): Promise<void> {
    const { delivery } = waiting;
    this.#waiting = this.#waiting.filter((each) => each !== waiting);
    const body = await bodyOf(delivery, this.#parts.store);
    if (body === undefined) {
      return await this.#giveUp(delivery, "the job is not in the history");
    }
    let status: number;
    try {
      status = await this.#post(delivery, body, stop);
    } catch (error) {
      // The next start tries again.
      if (this.#isClosed) return;
      return await this.#failed(delivery, this.#reasonOf(error));
    }
    const refusal = refusalOf(status);
    if (refusal !== undefined) {
      return isGone(status)
        ? await this.#giveUp(delivery, refusal)
        : await this.#failed(delivery, refusal);
    }
    this.#parts.counters.add("webhooks_delivered");
    if (this.#isFailing) {
      this.#isFailing = false;
      this.#parts.events.add(
        "webhook_recovered",
        `the webhook ${originOf(this.#webhook)} takes events again`,
      );
    }
    await this.#end(delivery);
  }

  async #post(
    delivery: Delivery,
    body: string,
    stop: AbortController,
  ): Promise<number> {
    const { clock, post, store } = this.#parts;
    const { url, secret, caFile } = this.#webhook;
    const id = `msg_${store.managerId}_${delivery.id}`;
    const timestamp = Math.floor(clock.now() / 1_000);
    const signature = secret &&
      signatureOf({ id, timestamp, body }, secret);
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const timer = clock.timer(TIMEOUT_MS, () => stop.abort());
    const onAbort = () =>
      reject(new Error(`no answer in ${TIMEOUT_MS / 1_000} s`));
    stop.signal.addEventListener("abort", onAbort, { once: true });
    try {
      const posted = post({
        url,
        body,
        caFile,
        headers: {
          "content-type": "application/json",
          "user-agent": `piri-manager/${VERSION}`,
          "webhook-id": id,
          "webhook-timestamp": String(timestamp),
          ...signature === undefined ? {} : { "webhook-signature": signature },
        },
      }, stop.signal);
      return await Promise.race([posted, stopped]);
    } finally {
      timer.cancel();
      stop.signal.removeEventListener("abort", onAbort);
    }
  }

  async #failed(delivery: Delivery, reason: string): Promise<void> {
    const { clock, random, events, counters, store } = this.#parts;
    counters.add("webhooks_failed");
    const tries = delivery.tries + 1;
    const delay = RETRY_DELAYS_MS[delivery.tries];
    if (delay === undefined) return await this.#giveUp(delivery, reason);
    const place = originOf(this.#webhook);
    log.debug("Cannot tell {place} of {event}: {reason}", {
      place,
      event: delivery.event,
      reason,
    });
    if (!this.#isFailing) {
      this.#isFailing = true;
      events.add(
        "webhook_failed",
        `the webhook ${place} did not take ${
          nameOf(delivery)
        }, and is tried again: ${reason}`,
      );
    }
    const wait = delay * (1 + JITTER * random.fraction());
    const next = { ...delivery, tries, nextAt: clock.now() + wait };
    this.#waiting.push({ delivery: next, due: clock.monotonic() + wait });
    await store.changeDeliveries({ ...next, kind: "retry" });
  }

  async #giveUp(delivery: Delivery, reason: string): Promise<void> {
    this.#isFailing = true;
    this.#parts.counters.add("webhooks_given_up");
    this.#parts.events.add(
      "webhook_given_up",
      `the webhook ${originOf(this.#webhook)} was not told of ${
        nameOf(delivery)
      }: ${reason}`,
    );
    await this.#end(delivery);
  }

  /** Records the end of a delivery. Without the record, the next start tells the event once more. */
  async #end({ id }: Delivery): Promise<void> {
    await this.#parts.store.changeDeliveries({ kind: "end", id });
  }

  /** Reason of a failure, without the URL. */
  #reasonOf(error: unknown): string {
    return fetchFailureOf(error)
      .replace(/ for url \([^)]*\)/, "")
      .replaceAll(this.#webhook.url, originOf(this.#webhook));
  }
}

function longest(): number {
  return (RETRY_DELAYS_MS.at(-1) ?? 0) * (1 + JITTER);
}

/** Name of an event for people: "job.ended of j-17". */
function nameOf({ event, subject }: Delivery): string {
  return event === "job.ended"
    ? `${event} of ${jobName(BigInt(subject))}`
    : `${event} of "${subject}"`;
}
