import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { untilStopped, WHILE_IT_RUNS } from "../life.ts";
import { LOG_FLAGS, logOptionsOf } from "../log_flags.ts";
import type { AgentServices } from "./services.ts";

/** `run`: runs the agent. */
export const run = defineSubcommand({
  name: "run",
  summary: "run the agent until it is stopped",
  positionals: {},
  flags: LOG_FLAGS,
  more: [WHILE_IT_RUNS],
  examples: ["", "--log-level debug --log-format json"],
  async execute({ flags, dir, terminal }, services: AgentServices) {
    const log = logOptionsOf(flags);
    await untilStopped(
      terminal,
      (life) => services.run({ dir, log }, life),
    );
    return ExitCode.ok;
  },
});
