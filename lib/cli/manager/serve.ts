import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { untilStopped, WHILE_IT_RUNS } from "../life.ts";
import { LOG_FLAGS, logOptionsOf } from "../log_flags.ts";
import type { ManagerServices } from "./services.ts";

/** `serve`: runs the Manager. */
export const serve = defineSubcommand({
  name: "serve",
  summary: "run the Manager until it is stopped",
  positionals: {},
  flags: {
    guard: {
      type: "boolean",
      summary:
        "limit the connections of strangers, for a Manager on an open network (limits: guard in config.yaml)",
    },
    ...LOG_FLAGS,
  },
  more: [WHILE_IT_RUNS],
  examples: ["", "--log-level debug --log-format json"],
  async execute({ flags, dir, output, terminal }, services: ManagerServices) {
    const log = logOptionsOf(flags);
    await untilStopped(
      terminal,
      (life) =>
        services.serve({ dir, log, guard: flags.guard }, {
          ...life,
          onReady: ({ listen, control }) => {
            output.either(
              { event: "ready", listen, control },
              `ready: agents at ${listen}, control at ${control}`,
            ).catch(() => {}); // nobody reads it: no reason to stop
          },
        }),
    );
    return ExitCode.ok;
  },
});
