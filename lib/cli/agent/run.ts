import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { untilStopped } from "../life.ts";
import { LOG_FLAGS, logOptionsOf } from "../log_flags.ts";
import type { AgentServices } from "./services.ts";

/** `run`: runs the agent. */
export const run = defineSubcommand({
  name: "run",
  summary: "run the agent until it is stopped",
  positionals: {},
  flags: LOG_FLAGS,
  examples: ["", "--log-level debug --log-format json"],
  async execute({ flags, dir, terminal }, services: AgentServices) {
    const log = logOptionsOf(flags);
    await untilStopped(
      terminal,
      (signal) => services.run({ dir, log }, signal),
    );
    return ExitCode.ok;
  },
});
