import { loadAgentConfig } from "./agent/config.ts";
import { checkLink } from "./check_agent.ts";
import { systemClock } from "./base/clock.ts";
import { startLog } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { aborted } from "./base/signals.ts";
import type { AgentServices } from "./cli/agent/services.ts";
import { readHostRecord } from "./host_record.ts";
import { joinManager, serveAgent } from "./serve_agent.ts";

const parts = { clock: systemClock, random: systemRandom };

/** Services that the Agent's command line uses. */
export const agentServices: AgentServices = {
  join: ({ dir, token }) => joinManager(token, { dir, ...parts }),

  async run({ dir, log }, signal) {
    const { log: configured } = await loadAgentConfig(dir);
    await startLog({ ...configured, ...log });
    await using _agent = await serveAgent({ dir, ...parts });
    await aborted(signal);
  },

  commands: ({ dir }) => readHostRecord(dir),

  check: ({ dir }) => checkLink({ dir, ...parts }),
};
