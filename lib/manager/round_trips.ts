import { type Clock, sleep } from "../base/clock.ts";
import type { AgentSession } from "./fleet.ts";

/** Pings that are under way at the same time. More would wait for each other, and that would be measured, too. */
const MAX_AT_ONCE = 64;

/** Measures the round trips of sessions, in milliseconds. One without an answer in time is not in the result. */
export async function measureRoundTrips(
  sessions: readonly AgentSession[],
  { clock, timeoutMs }: { clock: Clock; timeoutMs: number },
): Promise<ReadonlyMap<AgentSession, number>> {
  const measured = new Map<AgentSession, number>();
  const waiting = sessions.values();
  const measureSome = async () => {
    for (const session of waiting) {
      const ms = await roundTrip(session, { clock, timeoutMs });
      if (ms !== undefined) measured.set(session, ms);
    }
  };
  await Promise.all(Array.from({ length: MAX_AT_ONCE }, measureSome));
  return measured;
}

async function roundTrip(
  session: AgentSession,
  { clock, timeoutMs }: { clock: Clock; timeoutMs: number },
): Promise<number | undefined> {
  const begun = clock.monotonic();
  const answered = new AbortController();
  let ms: number | undefined;
  using _waiting = session.ping(() => {
    ms = clock.monotonic() - begun;
    answered.abort();
  });
  await sleep(clock, timeoutMs, answered.signal);
  return ms;
}
