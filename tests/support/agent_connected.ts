import type { Manager } from "../../lib/manager/api/operator_api.ts";

/** Resolves once an agent of a Manager is connected, as its event tells. */
export async function agentConnected(
  { events, agents }: Pick<Manager, "events" | "agents">,
): Promise<void> {
  const stop = new AbortController();
  const news = events.watch({ tail: 0 }, {
    follow: true,
    filter: { kinds: ["agent_connected"], agents: [] },
    signal: stop.signal,
  });
  const heard = news[Symbol.asyncIterator]().next();
  const list = await agents.list();
  if (!list.some(({ connected }) => connected)) await heard;
  stop.abort();
  await heard.catch(() => {});
}
