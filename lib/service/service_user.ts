import { PiriError } from "../base/errors.ts";
import { makeManagerUser, MANAGER_USER, requireAccount } from "./account.ts";
import type { HostSystem } from "./host_system.ts";
import {
  type ServiceHost,
  type ServiceName,
  type Step,
  step,
} from "./service_host.ts";
import { requireOwnUser } from "./windows/windows_service.ts";

/**
 * User and group of a service; empty for those that the service manager chooses.
 *
 * @throws {PiriError} INVALID_ARGUMENT, UNSUPPORTED for a user that it cannot have
 */
export function serviceUser(
  name: ServiceName,
  { kind, scope }: ServiceHost,
  wanted: string | undefined,
): readonly [login: string, group: string] {
  if (kind === "windows") {
    if (wanted !== undefined) requireOwnUser(name, wanted);
    return ["", ""];
  }
  if (wanted !== undefined) {
    if (scope === "user") {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot install the service for "${wanted}": without root it is that of the user who installs it`,
      );
    }
    const [login = "", group = ""] = wanted.split(":");
    return [login, group];
  }
  const isOwnUser = name === "piri-manager" && scope === "system" &&
    kind !== "launchd";
  return isOwnUser ? [MANAGER_USER, MANAGER_USER] : ["", ""];
}

/**
 * Lets the user of a service own its state folder. That of Managers is made if it is missing.
 *
 * @throws {PiriError} NOT_FOUND for another user that the host lacks; UNAVAILABLE, DENIED, DISK
 */
export async function giveState(
  dir: string,
  { login, group, system }: {
    readonly login: string;
    readonly group: string;
    readonly system: HostSystem;
  },
): Promise<Step[]> {
  if (login === "") return [];
  const made = login === MANAGER_USER && system.os !== "darwin"
    ? [await makeManagerUser(dir, system)]
    : [];
  const { uid, gid } = await requireAccount(login, group, system);
  const done = await system.files.giveTo(dir, uid, gid);
  return [
    ...made,
    step(
      done,
      `gave ${dir} to the user ${login}`,
      `${dir} belongs to the user ${login}`,
    ),
  ];
}
