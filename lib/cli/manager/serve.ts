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
    control: {
      type: "string",
      value: "HOST:PORT",
      summary:
        "accept operators on other machines at this address, instead of the one in config.yaml (piri-manager operator add)",
    },
    ...LOG_FLAGS,
  },
  more: [WHILE_IT_RUNS],
  examples: ["", "--log-level debug --log-format json"],
  async execute(
    { flags, stateDir: dir, output, terminal },
    services: ManagerServices,
  ) {
    const log = logOptionsOf(flags);
    await untilStopped(
      terminal,
      (life) =>
        services.serve({
          dir,
          log,
          guard: flags.guard,
          control: flags.control,
        }, {
          ...life,
          onReady: ({ listen, control, controlPort }) => {
            const operators = controlPort === undefined
              ? ""
              : `, operators at ${controlPort}`;
            output.either(
              {
                event: "ready",
                listen,
                control,
                controlPort: controlPort ?? null,
              },
              `ready: agents at ${listen}, control at ${control}${operators}`,
            ).catch(() => {}); // nobody reads it: no reason to stop
          },
        }),
    );
    return ExitCode.ok;
  },
});
