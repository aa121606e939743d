import { codeOf, PiriError } from "../base/errors.ts";
import { openLibc } from "./libc.ts";
import { ROOT_PATH } from "./surroundings.ts";

/** User that a program can run as. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/**
 * Finds a user by name or number: in /etc/passwd, else, as in a directory service, with `getent`.
 *
 * @throws {PiriError} NOT_FOUND; UNSUPPORTED on Windows.
 */
export async function findUser(name: string): Promise<User> {
  const user = await lookUpUser(name);
  if (user !== undefined) return user;
  throw new PiriError(
    "NOT_FOUND",
    `Cannot act as "${name}": no such user; "getent passwd" on that host lists those that there are`,
  );
}

/** User of the agent itself; undefined if the user database does not have it, as in some containers, and on Windows. */
export async function ownUser(): Promise<User | undefined> {
  const uid = Deno.uid();
  if (uid === null) return undefined;
  const name = String(uid);
  const entry = entryOf("passwd", name);
  if (entry !== undefined) return userOf(entry);
  // Each command asks, and to ask the directory service is to start a program.
  if (!strangers.has(name)) strangers.set(name, await lookUpUser(name));
  return strangers.get(name);
}

/** The agent's own users that are not in /etc/passwd, by number. */
const strangers = new Map<string, User | undefined>();

async function lookUpUser(name: string): Promise<User | undefined> {
  const entry = await findEntry("passwd", name);
  return entry === undefined ? undefined : userOf(entry);
}

function userOf(entry: string): User {
  const [login = "", , uid, gid, , home, shell] = entry.split(":");
  return {
    name: login,
    uid: Number(uid),
    gid: Number(gid),
    home: home || "/",
    shell: shell || "/bin/sh",
  };
}

/**
 * Finds the number of a group by name or number.
 *
 * @throws {PiriError} NOT_FOUND; UNSUPPORTED on Windows.
 */
export async function findGroup(name: string): Promise<number> {
  const gid = (await findEntry("group", name))?.split(":")[2];
  if (gid === undefined) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot use "${name}": no such group; "getent group" on that host lists those that there are`,
    );
  }
  return Number(gid);
}

/** Number of a user or group by its name; undefined if there is none. */
export async function accountNumber(
  kind: "user" | "group",
  name: string,
): Promise<number | undefined> {
  try {
    return kind === "user" ? (await findUser(name)).uid : await findGroup(name);
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return undefined;
    throw error;
  }
}

/** All groups of a user as a login has them. Only the user's first one on systems other than Linux. */
export async function groupsOf(
  { name, gid }: Pick<User, "name" | "gid">,
): Promise<readonly number[]> {
  return await openLibc()?.groupsOf(name, gid) ?? [gid];
}

async function findEntry(
  database: "passwd" | "group",
  name: string,
): Promise<string | undefined> {
  if (Deno.build.os === "windows") {
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot act as "${name}": on Windows the agent cannot change the user`,
    );
  }
  return entryOf(database, name) ??
    (await askService(database, name)).split("\n").find(isEntryOf(name));
}

function entryOf(
  database: "passwd" | "group",
  name: string,
): string | undefined {
  try {
    return Deno.readTextFileSync(`/etc/${database}`).split("\n")
      .find(isEntryOf(name));
  } catch {
    return undefined;
  }
}

function isEntryOf(name: string): (line: string) => boolean {
  return (line) => {
    const [login, , id] = line.split(":");
    return name !== "" && (login === name || id === name);
  };
}

async function askService(database: string, name: string): Promise<string> {
  // A name that begins with "-" would be read as an option.
  if (name.startsWith("-")) return "";
  try {
    const { stdout } = await new Deno.Command("getent", {
      args: [database, name],
      // A service manager may have given the agent none.
      env: { PATH: ROOT_PATH },
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  } catch {
    return "";
  }
}
