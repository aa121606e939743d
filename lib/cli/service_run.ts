import { defineSubcommand, type Subcommand } from "./command.ts";
import { complaintOf } from "./errors.ts";
import { ExitCode } from "./exit_code.ts";
import { type Life, untilStopped } from "./life.ts";
import type { WindowsLife, WithWindowsService } from "./service_acts.ts";
import type { Terminal } from "./terminal.ts";

/** Exit code of a service that wants to be started again. Windows starts one again that ends with any code but 0. */
const RESTART = 75;

/** Requests of Windows that mean what these signals mean elsewhere. */
const REQUESTS = {
  SIGTERM: "stop",
  SIGHUP: "reload",
  SIGUSR1: "restart",
} as const;

/** `service run`: runs the program as the service that Windows has started. Nobody else should. */
export function serviceRun<Services extends WithWindowsService>(
  live: (dir: string, services: Services, life: Life) => Promise<void>,
): Subcommand<Services> {
  return defineSubcommand({
    name: "run",
    summary: "be the service that Windows has started",
    isInternal: true,
    positionals: {},
    flags: {},
    examples: [""],
    async execute({ stateDir: dir, terminal }, services: Services) {
      return await services.asWindowsService(async (windows) => {
        let restarts = false;
        const serviceManager = {
          ready() {
            windows.ready();
            windows.report("information", "It runs");
          },
          stopping(isRestart: boolean) {
            restarts = isRestart;
            windows.stopping();
            windows.report(
              "information",
              isRestart ? "It stops, and starts again" : "It stops",
            );
          },
        };
        try {
          await untilStopped(
            askedBy(windows, terminal),
            (life) => live(dir, services, { ...life, serviceManager }),
          );
          return restarts ? RESTART : ExitCode.ok;
        } catch (error) {
          const { message, exitCode } = complaintOf(error);
          windows.report("error", message);
          return exitCode;
        }
      });
    },
  });
}

/** Surroundings of a service: it has no terminal, and Windows asks what signals ask elsewhere. */
function askedBy(windows: WindowsLife, terminal: Terminal): Terminal {
  return {
    ...terminal,
    hangUpEnds: false,
    onSignal: (signal, callback) =>
      signal === "SIGINT"
        ? { [Symbol.dispose]() {} }
        : windows.onRequest(REQUESTS[signal], callback),
  };
}
