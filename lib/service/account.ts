import { PiriError } from "../base/errors.ts";
import type { HostSystem } from "./host_system.ts";
import { runTool } from "./run_tool.ts";
import { type Step, step } from "./service_host.ts";

/** User and group that a Manager runs as. */
export const MANAGER_USER = "piri";

/** Numbers of a user and its group. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Numbers of a user of this host; undefined if there is none of that name. */
export async function findAccount(
  user: string,
  group: string,
  { run }: HostSystem,
): Promise<Account | undefined> {
  const uid = await run("id", "-u", user);
  if (uid.code !== 0) return undefined;
  const gid = group === ""
    ? (await run("id", "-g", user)).stdout
    : (await run("getent", "group", group)).stdout.split(":")[2];
  const account = { uid: Number(uid.stdout), gid: Number(gid || NaN) };
  return Number.isInteger(account.gid) ? account : undefined;
}

/**
 * Finds a user that the host must have.
 *
 * @throws {PiriError} NOT_FOUND
 */
export async function requireAccount(
  user: string,
  group: string,
  system: HostSystem,
): Promise<Account> {
  const account = await findAccount(user, group, system);
  if (account !== undefined) return account;
  const named = group === ""
    ? `"${user}"`
    : `"${user}" with the group "${group}"`;
  throw new PiriError(
    "NOT_FOUND",
    `Cannot install the service for ${named}: this host has no such user`,
  );
}

/**
 * Makes the user of Managers, unless the host has it.
 *
 * @throws {PiriError} UNAVAILABLE if that fails
 */
export async function makeManagerUser(
  home: string,
  system: HostSystem,
): Promise<Step> {
  if (await findAccount(MANAGER_USER, "", system) !== undefined) {
    return step(false, "", `there is a user ${MANAGER_USER}`);
  }
  const hint = `make a user "${MANAGER_USER}" by hand, or name one with --user`;
  if (await system.files.exists("/usr/sbin/useradd")) {
    await runTool(system, [
      "useradd",
      "--system",
      "--user-group",
      "--no-create-home",
      "--home-dir",
      home,
      "--shell",
      "/usr/sbin/nologin",
      MANAGER_USER,
    ], hint);
  } else {
    await runTool(system, ["addgroup", "-S", MANAGER_USER], hint);
    await runTool(system, [
      "adduser",
      "-S",
      "-D",
      "-H",
      "-h",
      home,
      "-s",
      "/sbin/nologin",
      "-G",
      MANAGER_USER,
      MANAGER_USER,
    ], hint);
  }
  return step(true, `made the user ${MANAGER_USER}`, "");
}
