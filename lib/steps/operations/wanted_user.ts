import { PiriError } from "../../base/errors.ts";
import type { HostReader } from "../host/host.ts";
import { placeholderOf } from "../host/placeholder.ts";
import { accountDefaults } from "../providers/account_defaults.ts";
import {
  AccountTables,
  type GroupRow,
  type LoginRow,
  type UserRow,
} from "../providers/account_tables.ts";
import { findTools, requireName } from "../providers/find_account_tools.ts";
import type { Forecast } from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import { quoted, WrongValue } from "../wrong_value.ts";

/** Parameters of user.Present. */
export interface UserParams {
  readonly name: string;
  readonly uid?: number;
  readonly group?: string;
  readonly "user_group"?: boolean;
  readonly groups?: readonly string[];
  readonly "only_groups"?: boolean;
  readonly home?: string;
  readonly "create_home"?: boolean;
  readonly shell?: string;
  readonly comment?: string;
  readonly system?: boolean;
  readonly password?: string;
  readonly locked?: boolean;
  readonly expires?: string;
}

/** User as it is, and as a step wants it. */
export interface WantedUser {
  readonly now: UserRow | undefined;
  readonly row: UserRow;
  /** Undefined if nothing of it is asked for. */
  readonly nowLogin: LoginRow | undefined;
  readonly login: LoginRow | undefined;
  /** First group, by its name; undefined if it is made with the user, or has no name. */
  readonly firstGroup: string | undefined;
  readonly makesGroup: boolean;
  /** Groups of which the user is a member by name, before and after. */
  readonly groupsNow: readonly GroupRow[];
  readonly groups: readonly GroupRow[];
  readonly makesHome: boolean;
  readonly homeMode: number;
  /** Folder whose content a new home gets. */
  readonly skeleton: string;
}

/** Compares a user with what a step wants. */
export async function wantedUser(
  params: UserParams,
  reader: HostReader,
  forecast: Forecast,
): Promise<WantedUser> {
  const { name } = params;
  const tools = findTools(reader);
  const tables = await AccountTables.read(reader);
  const now = tables.user(name);
  if (
    now === undefined &&
    reader.foreseen({ kind: "user", name }) === undefined &&
    await reader.account("user", name) !== undefined
  ) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot change user "${name}": it is not in /etc/passwd but in a directory service`,
    );
  }
  const defaults = await accountDefaults(reader, tools);
  const group = (each: string) => groupNamed(each, tables, forecast);
  const owns = params.user_group ?? (now === undefined &&
    params.group === undefined && defaults.ownGroups);
  const own = owns ? tables.group(name) : undefined;
  const makesGroup = owns && own === undefined;
  const first = params.group === undefined ? own : group(params.group);
  const gid = makesGroup
    ? placeholderOf("group", name)
    : first?.gid ?? now?.gid ?? 100;
  const asked = (params.groups ?? []).map(group);
  // A group that an earlier step makes is not in the tables.
  const groupsNow = distinct([...tables.groups(), ...asked]).filter((
    { members },
  ) => members.includes(name));
  const all = params.only_groups === true ? asked : [...groupsNow, ...asked];
  const kept = params.only_groups === true
    ? groupsNow.filter((each) => each.gid === gid)
    : [];
  const groups = distinct([...kept, ...all]).filter((each) =>
    each.gid !== gid || each.members.includes(name)
  );
  const row: UserRow = {
    name,
    uid: params.uid ?? now?.uid ?? placeholderOf("user", name),
    gid,
    comment: params.comment ?? now?.comment ?? "",
    home: params.home ?? now?.home ?? `${defaults.homes}/${name}`,
    shell: params.shell ?? now?.shell ?? defaults.shell,
  };
  const isNew = now === undefined;
  const asksHome = params.create_home ?? (isNew && params.system !== true);
  const makesHome = asksHome && reader.followed(row.home) === undefined;
  if (makesHome && !isNew) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot make the home "${row.home}": user "${name}" is there already; make the folder by file.Dir`,
    );
  }
  const asksLogin = params.password !== undefined ||
    params.locked !== undefined || params.expires !== undefined;
  const nowLogin = asksLogin && !isNew ? await tables.login(name) : undefined;
  return {
    now,
    row,
    nowLogin,
    login: asksLogin ? wantedLogin(params, nowLogin) : undefined,
    firstGroup: first?.name,
    makesGroup,
    groupsNow,
    groups,
    makesHome,
    homeMode: defaults.homeMode,
    skeleton: defaults.skeleton,
  };
}

function distinct(groups: readonly GroupRow[]): GroupRow[] {
  return [...new Map(groups.map((each) => [each.name, each])).values()];
}

function wantedLogin(
  { password, locked, expires }: UserParams,
  now: LoginRow = { hash: "", locked: true, expires: "" },
): LoginRow {
  const hash = password ?? now.hash;
  // A lock without a password is how a user without one looks.
  const wasLocked = now.locked && (password === undefined || now.hash !== "");
  const isLocked = locked ?? wasLocked;
  if (!isLocked && hash === "") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      "Cannot unlock the user: it has no password; give one",
    );
  }
  return {
    hash,
    locked: isLocked,
    expires: expires === undefined
      ? now.expires
      : expires === "never"
      ? ""
      : expires,
  };
}

function groupNamed(
  name: string,
  tables: AccountTables,
  { opaque }: Forecast,
): GroupRow {
  const row = tables.group(name);
  if (row !== undefined) return row;
  if (opaque !== undefined) {
    throw new Unforeseen(
      `there is no group "${name}", and step "${opaque}" may make it`,
    );
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot use group "${name}": this host has none; make it by an earlier step`,
  );
}

const HASH = /^(?:\*|\$[0-9a-z]+\$[^:\s]{8,})$/;

/**
 * Refuses names and fields that no table of accounts can have.
 *
 * @throws {WrongValue}
 */
export function validateUser(params: UserParams): void {
  const { name, group, groups = [], password, expires } = params;
  requireName("user", name, ["name"]);
  for (const field of ["comment", "home", "shell"] as const) {
    if (!/[:\n]/.test(params[field] ?? "")) continue;
    throw new WrongValue(
      [field],
      `${
        quoted(params[field] ?? "")
      } has a colon or a line end, which parts the fields of an account`,
    );
  }
  if (password !== undefined && !HASH.test(password)) {
    throw new WrongValue(
      ["password"],
      "it is no crypt hash; `openssl passwd -6` makes one",
    );
  }
  if (
    expires !== undefined && expires !== "never" &&
    (!/^\d{4}-\d\d-\d\d$/.test(expires) || Number.isNaN(Date.parse(expires)))
  ) {
    throw new WrongValue(
      ["expires"],
      `${quoted(expires)} is neither a day as 2030-01-31 nor "never"`,
    );
  }
  if (group !== undefined) requireName("group", group, ["group"]);
  for (const [index, each] of groups.entries()) {
    requireName("group", each, ["groups", index]);
  }
}
