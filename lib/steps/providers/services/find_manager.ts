import { PiriError } from "../../../base/errors.ts";
import type { HostReader } from "../../host/host.ts";
import { hasProgram } from "../programs.ts";
import { OpenRc } from "./openrc.ts";
import { inNeutralWords, type ServiceManager } from "./service_manager.ts";
import { Systemd } from "./systemd.ts";
import { SystemdOffline } from "./systemd_offline.ts";

/** Unit of the agent, however it was started. */
const AGENT = "piri-agent";

/**
 * Service manager of a host. One that runs is known by its own marks: in a folder that is the root of an image its tools
 * answer as if it did.
 *
 * @throws {PiriError} UNSUPPORTED if there is none that Piri knows
 */
export function findManager(reader: HostReader): ServiceManager {
  const isThere = (path: string) => reader.followed(path) !== undefined;
  if (isThere("/run/systemd/system")) return new Systemd();
  if (isThere("/run/openrc")) return new OpenRc(true);
  if (hasProgram("systemctl", reader)) return new SystemdOffline();
  if (hasProgram("rc-service", reader)) return new OpenRc(false);
  throw new PiriError(
    "UNSUPPORTED",
    "Cannot manage services on this host: it has no service manager that Piri knows (systemd, OpenRC)",
  );
}

/** True where a service manager runs, so that the kernel is that of this host and not of another around it. */
export function isBooted(reader: HostReader): boolean {
  return ["/run/systemd/system", "/run/openrc"].some((path) =>
    reader.followed(path) !== undefined
  );
}

/** Service manager of a host that must be systemd; otherwise as `findManager`. */
export function findSystemd(reader: HostReader): ServiceManager {
  const manager = findManager(reader);
  if (manager.kind === "systemd") return manager;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot write units on this host: its services are those of ${manager.kind}`,
  );
}

/**
 * Refuses to stop, restart or replace the agent.
 *
 * @param act Words for what a step would do, as "stop"
 * @throws {PiriError} REFUSED
 */
export async function requireOther(
  act: string,
  names: readonly string[],
  reader: HostReader,
): Promise<void> {
  const own = await reader.shared(
    { name: "units of this process", paths: [] },
    () => ownUnits(reader),
  );
  const name = names.find((each) =>
    own.has(each) || each.replace(/\.service$/, "") === AGENT
  );
  if (name === undefined) return;
  throw new PiriError(
    "REFUSED",
    `Cannot ${act} "${name}" by a step: the agent runs in it, and would end in the middle of the run; use piri-manager agent restart`,
  );
}

/** Names of the units that this process is in, with those around them. */
async function ownUnits(reader: HostReader): Promise<ReadonlySet<string>> {
  const { stdout } = await reader.ask(
    inNeutralWords(["cat", "/proc/self/cgroup"]),
  );
  const names = stdout.split("\n").flatMap((line) =>
    line.split(":").slice(2).join(":").split("/")
  );
  return new Set(
    names.filter((name) => /\.(?:service|scope|slice)$/.test(name)),
  );
}
