import type { ServiceName } from "../service/service_host.ts";
import type { WindowsServices } from "../service/windows/services.ts";
import type { WatchedService } from "./watch_trial.ts";

/** Service of a program on Windows, for the guard of its trial. */
export function watchedService(
  name: ServiceName,
  services: WindowsServices,
): WatchedService {
  return {
    look() {
      const found = services.read(name);
      switch (found?.state) {
        case undefined:
          return undefined;
        case "running":
          return "running";
        case "stopped":
          return found?.exitCode === 0 ? "stopped" : "failed";
        default:
          return "changing";
      }
    },
    start: () => services.start(name),
    kill() {
      const pid = services.read(name)?.pid;
      if (pid !== undefined) Deno.kill(pid, "SIGKILL");
    },
  };
}
