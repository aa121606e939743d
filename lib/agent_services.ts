import type { Edition } from "./agent/policy/policy_gate.ts";
import { loadAgentConfig, readJoined } from "./agent/config.ts";
import { requireBounds } from "./agent_edition.ts";
import { policyServices } from "./agent_policy.ts";
import { checkLink } from "./check_agent.ts";
import { systemClock } from "./base/clock.ts";
import { logger, startLog } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { reloadAndLog } from "./base/reload.ts";
import { aborted, joint } from "./base/signals.ts";
import type { AgentServices } from "./cli/agent/services.ts";
import { readHostRecord, verifyHostRecord } from "./host_record.ts";
import { guardOwnStart } from "./own_update.ts";
import { ownService, OwnState } from "./own_service.ts";
import { joinManager, serveAgent } from "./serve_agent.ts";

const parts = { clock: systemClock, random: systemRandom };

/** Services that the command line of an edition of the Agent uses. */
export function agentServicesOf(edition: Edition): AgentServices {
  return {
    async join({ token, ...options }) {
      requireBounds(edition, options.dir);
      return await joinManager(token, { ...options, ...parts, edition });
    },

    async joinedBy({ dir, token }) {
      const joined = await readJoined(dir, token);
      if (joined?.isByToken !== true) return undefined;
      const { name, addresses: [address = ""] } = joined.config;
      return { name, address };
    },

    async run({ dir, log }, { signal, onReload }) {
      requireBounds(edition, dir);
      using state = new OwnState(dir);
      const ends = new AbortController();
      await using agent = await serveAgent({
        dir,
        onLink: (link) => state.changed(link),
        restart: (cause) => ends.abort(cause),
        ...parts,
        ownsProcess: true,
        edition,
        startLog: (configured) => startLog({ ...configured, ...log }),
      });
      state.ready({ connected: false, detail: "" });
      using _reloads = onReload(() =>
        reloadAndLog(() => agent.reload(), logger("agent"))
      );
      using end = joint([signal, ends.signal]);
      await aborted(end.signal);
      state.stopping();
      logger("agent").info("The agent stops: {cause}", {
        cause: end.signal.reason,
      });
    },

    commands: ({ dir }) => readHostRecord(dir),
    verifyCommands: ({ dir }) => verifyHostRecord(dir),

    check: ({ dir }) => checkLink({ dir, ...parts, edition }),

    service: () =>
      Promise.resolve(ownService("piri-agent", async (dir) => {
        await loadAgentConfig(dir);
        return { hasLowPort: false };
      })),

    guard: ({ dir }) => guardOwnStart(dir),

    policy: policyServices({ ...parts, edition }),
  };
}
