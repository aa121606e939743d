import { globToRegExp } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import type { Store } from "../../store/store.ts";
import type { Sight } from "../api/operator_api.ts";
import type { RunRequest } from "../api/operator_api.ts";
import type { AgentSession, Fleet } from "../fleet.ts";
import { type Misfit, Misfits } from "./misfits.ts";

const UNKNOWN: Misfit = {
  code: "NOT_FOUND",
  one: "there is no agent of that name",
  many: "there are no agents of those names",
};

const AWAY: Misfit = {
  code: "UNAVAILABLE",
  one: "it is not connected",
  many: "they are not connected",
};

const NO_MATCH: Misfit = {
  code: "UNAVAILABLE",
  one: "no agent that is connected has such a name",
  many: "no agent that is connected has such names",
};

const GLOB = /[*?[\]{}]/;

/**
 * Finds the connections that a request is for, in the order of the agents' names.
 *
 * A named agent must be connected. A glob stands for the connected agents that it matches, which must be at least one.
 *
 * @throws {PiriError} NOT_FOUND, UNAVAILABLE or INVALID_ARGUMENT, with all targets that are wrong; then nothing is sent
 */
export async function findTargets(
  { agents, rights }: Pick<RunRequest, "agents" | "rights">,
  { fleet, store }: { fleet: Fleet; store: Store },
): Promise<AgentSession[]> {
  if (agents.length === 0) {
    throw new PiriError("INVALID_ARGUMENT", "Cannot run: no agent is named");
  }
  const found = new Map<string, AgentSession>();
  const misfits = new Misfits("run");
  const sight = rights?.sight;
  for (const target of agents) {
    const sessions = GLOB.test(target)
      ? matching(target, fleet, sight)
      : sight === undefined || sight.has(target)
      ? await named(target, fleet, store)
      : UNKNOWN;
    if ("code" in sessions) misfits.add(target, sessions);
    else for (const session of sessions) found.set(session.agent, session);
  }
  misfits.throwIfAny();
  return [...found.values()].sort((a, b) => a.agent < b.agent ? -1 : 1);
}

function matching(
  glob: string,
  fleet: Fleet,
  sight: Sight | undefined,
): AgentSession[] | Misfit {
  const pattern = globToRegExp(glob, { extended: false, globstar: false });
  const sessions = [...fleet.sessions()]
    .filter(({ agent }) =>
      pattern.test(agent) && (sight === undefined || sight.has(agent))
    );
  return sessions.length === 0 ? NO_MATCH : sessions;
}

async function named(
  name: string,
  fleet: Fleet,
  store: Store,
): Promise<AgentSession[] | Misfit> {
  const session = fleet.session(name);
  if (session !== undefined) return [session];
  return await store.agent(name) === undefined ? UNKNOWN : AWAY;
}
