import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { AgentServices } from "./services.ts";

/** `service guard`: looks before each start whether the service has to go back to the version before. */
export const guard = defineSubcommand({
  name: "guard",
  summary: "go back to the version before if a trial has failed",
  isInternal: true,
  positionals: {},
  flags: {},
  examples: [""],
  async execute({ stateDir, output }, services: AgentServices) {
    const line = await services.guard({ dir: stateDir });
    if (line !== "") await output.note(line);
    return ExitCode.ok;
  },
});
