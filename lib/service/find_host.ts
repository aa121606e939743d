import { PiriError } from "../base/errors.ts";
import type { HostSystem } from "./host_system.ts";
import { Launchd } from "./launchd.ts";
import { OpenRc } from "./openrc.ts";
import {
  type ServiceHost,
  type ServiceName,
  subcommandOf,
} from "./service_host.ts";
import { Systemd } from "./systemd.ts";
import { WindowsService } from "./windows/windows_service.ts";

/** Folder of the units of the system that people and programs write. */
const SYSTEM_UNITS = "/etc/systemd/system";

/**
 * Finds the service manager that runs on this host, whatever is installed.
 *
 * @throws {PiriError} UNAVAILABLE if there is none; DENIED if it is for root only
 */
export async function findServiceHost(
  name: ServiceName,
  system: HostSystem,
): Promise<ServiceHost> {
  const { os, files, isRoot, windows } = system;
  if (windows !== undefined) return new WindowsService(name, system, windows);
  if (os === "darwin") {
    requireRoot(name, isRoot);
    return new Launchd(name, system);
  }
  if (os === "linux") {
    if (await files.exists("/run/systemd/system")) {
      return isRoot
        ? new Systemd(name, { system, scope: "system", folder: SYSTEM_UNITS })
        : new Systemd(name, {
          system,
          scope: "user",
          folder: `${configFolder(system)}/systemd/user`,
        });
    }
    if (await files.exists("/run/openrc")) {
      requireRoot(name, isRoot);
      return new OpenRc(name, system);
    }
  }
  const line = `${name} ${subcommandOf(name)}`;
  throw new PiriError(
    "UNAVAILABLE",
    await isContainer(system)
      ? `Cannot manage a service: this is a container, which needs none; let it run ${line}`
      : `Cannot manage a service: no service manager that Piri knows runs here (systemd, OpenRC, launchd, Windows); run this by hand: ${line}`,
  );
}

/** True in a container without a service manager of its own. */
async function isContainer({ files, env }: HostSystem): Promise<boolean> {
  if (env("container") || env("KUBERNETES_SERVICE_HOST")) return true;
  return await files.exists("/.dockerenv") ||
    await files.exists("/run/.containerenv");
}

function requireRoot(name: ServiceName, isRoot: boolean): void {
  if (isRoot) return;
  throw new PiriError(
    "DENIED",
    `Cannot manage a service: only root may; run sudo ${name} service`,
  );
}

function configFolder({ env }: HostSystem): string {
  const config = env("XDG_CONFIG_HOME");
  if (config?.startsWith("/")) return config;
  const home = env("HOME");
  if (home?.startsWith("/")) return `${home}/.config`;
  throw new PiriError(
    "FAILED_PRECONDITION",
    "Cannot manage a service of this user: neither XDG_CONFIG_HOME nor HOME is set",
  );
}
