import { launchdLabel } from "./launchd_plist.ts";
import type { ServiceName } from "./service_host.ts";

/** Process, as its surroundings describe it. */
export interface OwnProcess {
  readonly env: (name: string) => string | undefined;
  readonly pid: number;
}

/** True if a service manager has started this process itself, and starts it again when it ends. */
export function isStartedByServiceManager(
  name: ServiceName,
  { env, pid }: OwnProcess,
): boolean {
  const own = String(pid);
  // systemd names the process that it has started: programs below it inherit the variables, too.
  return env("WATCHDOG_PID") === own || env("SYSTEMD_EXEC_PID") === own ||
    env("RC_SVCNAME") === name ||
    env("XPC_SERVICE_NAME") === launchdLabel(name);
}
