import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { AgentServices } from "./services.ts";

/** `custom-operations`: carries out calls that the agent writes to its standard input. */
export const customOperations = defineSubcommand({
  name: "custom-operations",
  summary: "carry out custom operations for the agent",
  isInternal: true,
  positionals: {},
  flags: {},
  examples: [""],
  async execute(_invocation, services: AgentServices) {
    await services.customOperations();
    return ExitCode.ok;
  },
});
