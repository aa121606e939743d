/** Entry of a user, by name or number, as the user database has it. */
export async function entryOf(
  user: string,
): Promise<{
  name: string;
  uid: string;
  gid: string;
  home: string;
  shell: string;
}> {
  const { stdout } = await new Deno.Command("/usr/bin/getent", {
    args: ["passwd", user],
  }).output();
  const [name = "", , uid = "", gid = "", , home = "", shell = ""] =
    new TextDecoder().decode(stdout).trim().split(":");
  return { name, uid, gid, home, shell };
}

/** Users that a line of /etc/group names, with an entry of their own; most hosts have one. */
export function membersOfGroups(): string[] {
  const read = (path: string) =>
    Deno.readTextFileSync(path).split("\n").map((line) => line.split(":"));
  const users = new Set(read("/etc/passwd").map(([name]) => name));
  return read("/etc/group").flatMap(([, , , members = ""]) =>
    members.split(",")
  ).filter((name) => name !== "" && users.has(name));
}
