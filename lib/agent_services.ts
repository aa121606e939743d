import { checkLink } from "./check_agent.ts";
import { systemClock } from "./base/clock.ts";
import { logger, startLog } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { reloadAndLog } from "./base/reload.ts";
import { aborted } from "./base/signals.ts";
import type { AgentServices } from "./cli/agent/services.ts";
import { readHostRecord } from "./host_record.ts";
import { joinManager, serveAgent } from "./serve_agent.ts";

const parts = { clock: systemClock, random: systemRandom };

/** Services that the Agent's command line uses. */
export const agentServices: AgentServices = {
  join: ({ token, ...options }) => joinManager(token, { ...options, ...parts }),

  async run({ dir, log }, { signal, onReload }) {
    await using agent = await serveAgent({
      dir,
      ...parts,
      ownsProcess: true,
      startLog: (configured) => startLog({ ...configured, ...log }),
    });
    using _reloads = onReload(() =>
      reloadAndLog(() => agent.reload(), logger("agent"))
    );
    await aborted(signal);
    logger("agent").info("The agent stops: {cause}", { cause: signal.reason });
  },

  commands: ({ dir }) => readHostRecord(dir),

  check: ({ dir }) => checkLink({ dir, ...parts }),
};
