import { bytesOf } from "../file_content.ts";
import type { HostReader } from "../host/host.ts";
import type { AccountTools } from "./account_tools.ts";

/** Choices of useradd where a step makes none. */
export interface AccountDefaults {
  /** Folder of homes. */
  readonly homes: string;
  readonly shell: string;
  /** Folder whose content a new home gets. */
  readonly skeleton: string;
  /** Mode of a new home. */
  readonly homeMode: number;
  /** True if the group of a user goes with it, and is made with it. */
  readonly ownGroups: boolean;
}

const MAX_BYTES = 1_048_576;

/** Reads the defaults of a host. Those of its tools go before. Source: useradd(8), login.defs(5). */
export async function accountDefaults(
  reader: HostReader,
  { defaults }: Pick<AccountTools, "defaults">,
): Promise<AccountDefaults> {
  const useradd = await textAt("/etc/default/useradd", reader);
  const login = await textAt("/etc/login.defs", reader);
  const given = (key: string) =>
    new RegExp(`^${key}=(.*)$`, "m").exec(useradd)?.[1]?.trim();
  const defined = (key: string) =>
    new RegExp(`^\\s*${key}\\s+(\\S+)`, "m").exec(login)?.[1];
  const mask = parseInt(defined("UMASK") ?? "022", 8);
  return {
    homes: given("HOME") ?? "/home",
    shell: given("SHELL") ?? "",
    skeleton: given("SKEL") ?? "/etc/skel",
    homeMode: parseInt(defined("HOME_MODE") ?? "", 8) || (0o777 & ~mask),
    ownGroups: defined("USERGROUPS_ENAB") === "yes",
    ...defaults,
  };
}

async function textAt(path: string, reader: HostReader): Promise<string> {
  if (reader.followed(path)?.kind !== "file") return "";
  const content = await reader.content(path);
  return new TextDecoder().decode(
    await bytesOf(content, MAX_BYTES, `"${path}"`),
  );
}
