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
    synonyms: {
      connect: "piri-agent join",
      daemon: "piri-agent run",
      doctor: "piri-agent check",
      enroll: "piri-agent join",
      help: "piri-agent --help",
      history: "piri-agent commands",
      ps: "piri-agent commands",
      register: "piri-agent join",
      serve: "piri-agent run",
      start: "piri-agent run",
      status: "piri-agent check",
      test: "piri-agent check",
      verify: "piri-agent check",
      version: "piri-agent --version",
    },
    ...options,
  };
}
