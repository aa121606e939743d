import type { BuildInfo, Program } from "../command.ts";
import { check } from "./check.ts";
import { commands } from "./commands.ts";
import { join } from "./join.ts";
import { run } from "./run.ts";
import type { AgentServices } from "./services.ts";

/** The command line of `piri-agent`. */
export function agentProgram(
  options: {
    readonly build: BuildInfo;
    readonly defaultDir: () => string;
    readonly services: AgentServices;
  },
): Program<AgentServices> {
  return {
    name: "piri-agent",
    summary: "runs the commands of a Piri Manager on this host",
    subcommands: [join, run, check, commands],
    ...options,
  };
}
