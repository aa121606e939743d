import { PiriError } from "../base/errors.ts";

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
  const entry = await findEntry("passwd", name);
  const [login, , uid, gid, , home, shell] = entry?.split(":") ?? [];
  if (login === undefined) {
    throw new PiriError("NOT_FOUND", `Cannot act as "${name}": no such user`);
  }
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
    throw new PiriError("NOT_FOUND", `Cannot use "${name}": no such group`);
  }
  return Number(gid);
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
  const matches = (line: string) => {
    const [login, , id] = line.split(":");
    return login === name || id === name;
  };
  const own = await Deno.readTextFile(`/etc/${database}`).catch(() => "");
  return own.split("\n").find(matches) ??
    (await askService(database, name)).split("\n").find(matches);
}

async function askService(database: string, name: string): Promise<string> {
  // A name that begins with "-" would be read as an option.
  if (name.startsWith("-")) return "";
  try {
    const { stdout } = await new Deno.Command("getent", {
      args: [database, name],
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  } catch {
    return "";
  }
}
