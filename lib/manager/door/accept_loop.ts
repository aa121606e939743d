import { type Clock, sleep } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";

/** Pause of accepting when the system has no descriptor left, in milliseconds. */
const EXHAUSTED_MS = 100;

export interface AcceptLoopOptions<Conn> {
  /** Takes a new connection. Must not wait for its peer. */
  readonly receive: (conn: Conn) => void;
  /** Aborted before the listener is closed on purpose. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Logger;
}

/** Accepts connections until the signal is aborted and the listener is closed. Never rejects. */
export async function acceptLoop<Conn>(
  listener: { accept(): Promise<Conn> },
  { receive, signal, clock, counters, log }: AcceptLoopOptions<Conn>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      receive(await listener.accept());
    } catch (error) {
      if (signal.aborted) return;
      // At the limit of descriptors: connections that close make room.
      counters.add("accept_errors");
      log.warning("Cannot accept a connection: {error}", {
        error: messageOf(error),
      });
      await sleep(clock, EXHAUSTED_MS, signal);
    }
  }
}
