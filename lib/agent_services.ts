import type { Edition } from "./agent/policy/policy_gate.ts";
import { loadAgentConfig, readJoined } from "./agent/config.ts";
import { requireBounds } from "./agent_edition.ts";
import { policyServices } from "./agent_policy.ts";
import { checkLink } from "./check_agent.ts";
import { systemClock } from "./base/clock.ts";
import { logger, startLog } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { reloadAndLog } from "./base/reload.ts";
import { messageOf } from "./base/errors.ts";
import { aborted } from "./base/signals.ts";
import type { AgentServices } from "./cli/agent/services.ts";
import { readHostRecord, verifyHostRecord } from "./host_record.ts";
import { asWindowsService, ownService, OwnState } from "./own_service.ts";
import { guardOwnStart, watchOwnTrial } from "./own_update.ts";
import { joinManager, leaveFleet, serveAgent } from "./serve_agent.ts";

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

    async run({ dir, log }, { signal, onReload, onRestart, serviceManager }) {
      requireBounds(edition, dir);
      using state = new OwnState("piri-agent", dir, serviceManager);
      const restart = Promise.withResolvers<string>();
      await using agent = await serveAgent({
        dir,
        onLink: (link) => state.changed(link),
        onUpdate: (cause) => restart.resolve(cause),
        onRestart: state.isManaged
          ? (cause) => restart.resolve(`a restart by ${cause}`)
          : undefined,
        ...parts,
        ownsProcess: true,
        edition,
        startLog: (configured) =>
          startLog({ ...configured, ...log, file: state.logFile }),
      });
      state.ready({ connected: false, detail: "" });
      using _reloads = onReload(() =>
        reloadAndLog(() => agent.reload(), logger("agent"))
      );
      using _restarts = onRestart(() => {
        try {
          agent.restartWhenIdle("SIGUSR1");
        } catch (error) {
          logger("agent").warning("{error}", { error: messageOf(error) });
        }
      });
      const cause = await Promise.race([
        restart.promise,
        aborted(signal).then(() => signal.reason),
      ]);
      state.stopping(!signal.aborted);
      logger("agent").info("The agent stops: {cause}", { cause });
    },

    commands: ({ dir }) => readHostRecord(dir),
    verifyCommands: ({ dir }) => verifyHostRecord(dir),

    check: ({ dir }) => checkLink({ dir, ...parts, edition }),

    service: () =>
      ownService("piri-agent", async (dir) => {
        await loadAgentConfig(dir, { anyOwnerForRoot: true });
        return { hasLowPort: false };
      }, {
        leaveFleet: async (dir) => {
          await leaveFleet({ dir, ...parts, edition });
        },
      }),

    asWindowsService: (live) => asWindowsService("piri-agent", live),

    async guard({ dir, part }) {
      if (part !== "watch") return await guardOwnStart(dir);
      await watchOwnTrial(dir);
      return "";
    },

    policy: policyServices({ ...parts, edition }),

    async customOperations() {
      const { processLines, serveCalls } = await import(
        "./operations/custom/serve_calls.ts"
      );
      await serveCalls(processLines());
    },
  };
}
