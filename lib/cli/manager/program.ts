import type { BuildInfo, Program } from "../command.ts";
import { agent } from "./agent.ts";
import { agents } from "./agents.ts";
import { cancel } from "./cancel.ts";
import { commands } from "./commands.ts";
import { events } from "./events.ts";
import { giveUp } from "./give_up.ts";
import { init } from "./init.ts";
import { operations } from "./operations.ts";
import { rerun } from "./rerun.ts";
import { run } from "./run.ts";
import { serve } from "./serve.ts";
import type { ManagerServices } from "./services.ts";
import { show } from "./show.ts";
import { status } from "./status.ts";
import { watch } from "./watch.ts";
import { why } from "./why.ts";

/** The command line of `piri-manager`. */
export function managerProgram(
  options: {
    readonly build: BuildInfo;
    readonly defaultDir: () => string;
    readonly services: ManagerServices;
  },
): Program<ManagerServices> {
  return {
    name: "piri-manager",
    summary: "runs commands on many hosts and tells how they went",
    subcommands: [
      init,
      serve,
      agents,
      agent,
      run,
      operations,
      watch,
      cancel,
      rerun,
      giveUp,
      commands,
      show,
      why,
      events,
      status,
    ],
    ...options,
  };
}
