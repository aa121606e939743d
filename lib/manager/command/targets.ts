import { globToRegExp } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import type { Store } from "../../store/store.ts";
import type { AgentSession, Fleet } from "../fleet.ts";

const GLOB = /[*?[\]{}]/;

/**
 * Finds the connections that a request is for, in the order of the agents' names.
 *
 * A named agent must be connected. A glob stands for the connected agents that it matches, which must be at least one.
 *
 * @throws {PiriError} NOT_FOUND, UNAVAILABLE or INVALID_ARGUMENT; then nothing is sent
 */
export async function findTargets(
  { agents }: { agents: readonly string[] },
  { fleet, store }: { fleet: Fleet; store: Store },
): Promise<AgentSession[]> {
  if (agents.length === 0) {
    throw new PiriError("INVALID_ARGUMENT", "Cannot run: no agent is named");
  }
  const found = new Map<string, AgentSession>();
  for (const target of agents) {
    const sessions = GLOB.test(target)
      ? matching(target, fleet)
      : [await named(target, fleet, store)];
    for (const session of sessions) found.set(session.agent, session);
  }
  return [...found.values()].sort((a, b) => a.agent < b.agent ? -1 : 1);
}

function matching(glob: string, fleet: Fleet): AgentSession[] {
  const pattern = globToRegExp(glob, { extended: false, globstar: false });
  const sessions = [...fleet.sessions()]
    .filter(({ agent }) => pattern.test(agent));
  if (sessions.length === 0) {
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot run on "${glob}": no agent that is connected has such a name`,
    );
  }
  return sessions;
}

async function named(
  name: string,
  fleet: Fleet,
  store: Store,
): Promise<AgentSession> {
  const session = fleet.session(name);
  if (session !== undefined) return session;
  if (await store.agent(name) === undefined) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot run on "${name}": there is no agent of that name`,
    );
  }
  throw new PiriError(
    "UNAVAILABLE",
    `Cannot run on "${name}": it is not connected`,
  );
}
