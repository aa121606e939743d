import type { BuildInfo, Program } from "../command.ts";
import { completeSubcommand } from "../complete_subcommand.ts";
import { completionSubcommand } from "../completion_subcommand.ts";
import { helpSubcommand } from "../help_subcommand.ts";
import { exitCodes } from "../topics/exit_codes.ts";
import { json } from "../topics/json.ts";
import { check } from "./check.ts";
import { commands } from "./commands.ts";
import { customOperations } from "./custom_operations.ts";
import { join } from "./join.ts";
import { policy } from "./policy.ts";
import { serviceGroup } from "../service.ts";
import { guard } from "../service_guard.ts";
import { serviceRun } from "../service_run.ts";
import { run } from "./run.ts";
import type { AgentServices } from "./services.ts";

/** The command line of `piri-agent`. */
export function agentProgram(
  options: {
    readonly build: BuildInfo;
    /** Name of the executable; piri-agent by default. */
    readonly name?: string;
    readonly defaultDir: () => string;
    readonly services: AgentServices;
  },
): Program<AgentServices> {
  const program: Program<AgentServices> = {
    name: "piri-agent",
    summary: "runs the commands of a Piri Manager on this host",
    subcommands: [
      join,
      run,
      check,
      commands,
      policy,
      customOperations,
      serviceGroup<AgentServices>("piri-agent", [
        guard,
        serviceRun((dir, services, life) =>
          services.run({ dir, log: {} }, life)
        ),
      ]),
      completionSubcommand(options.name ?? "piri-agent"),
      helpSubcommand(() => program),
      completeSubcommand(() => program),
    ],
    topics: [json, exitCodes],
    synonyms: {
      connect: "piri-agent join",
      daemon: "piri-agent run",
      doctor: "piri-agent check",
      install: "piri-agent service install",
      enroll: "piri-agent join",
      history: "piri-agent commands",
      ps: "piri-agent commands",
      register: "piri-agent join",
      serve: "piri-agent run",
      restart: "piri-agent service restart",
      start: "piri-agent run",
      status: "piri-agent check",
      stop: "piri-agent service stop",
      systemd: "piri-agent service install",
      test: "piri-agent check",
      uninstall: "piri-agent service uninstall",
      verify: "piri-agent check",
      version: "piri-agent --version",
    },
    ...options,
  };
  return program;
}
