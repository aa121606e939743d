import { type AccountTools, setHash, tool } from "./account_tools.ts";

/** Programs of the package shadow. Source: useradd(8), usermod(8), gpasswd(1). */
export const shadowTools: AccountTools = {
  name: "shadow",
  lacks: [],
  addUser: ({ name, ...user }) => [tool(
    "useradd",
    user.makesHome ? "-m" : "-M",
    ...["-d", user.home],
    ...user.ownsGroup
      ? ["-U"]
      : user.group === undefined
      ? ["-N"]
      : ["-g", user.group],
    ...user.uid === undefined ? [] : ["-u", `${user.uid}`],
    ...user.system ? ["-r"] : [],
    ...user.shell === undefined ? [] : ["-s", user.shell],
    ...user.comment === undefined ? [] : ["-c", user.comment],
    ...user.groups.length === 0 ? [] : ["-G", user.groups.join(",")],
    "--",
    name,
  )],
  changeUser: (name, { uid, group, home, shell, comment, groups }) => {
    const options = [
      ...uid === undefined ? [] : ["-u", `${uid}`],
      ...group === undefined ? [] : ["-g", group],
      ...home === undefined ? [] : ["-d", home],
      ...shell === undefined ? [] : ["-s", shell],
      ...comment === undefined ? [] : ["-c", comment],
      ...groups === undefined ? [] : ["-G", groups.wanted.join(",")],
    ];
    return options.length === 0
      ? []
      : [tool("usermod", ...options, "--", name)];
  },
  setHash,
  lock: (name, locked) => tool("usermod", locked ? "-L" : "-U", "--", name),
  expire: (name, day) => [tool("usermod", "-e", day, "--", name)],
  removeUser: (name, removesHome) =>
    tool("userdel", ...removesHome ? ["-r"] : [], "--", name),
  addGroup: (name, { gid, system = false }) =>
    tool(
      "groupadd",
      ...gid === undefined ? [] : ["-g", `${gid}`],
      ...system ? ["-r"] : [],
      "--",
      name,
    ),
  renumberGroup: (name, gid) => [tool("groupmod", "-g", `${gid}`, "--", name)],
  setMembers: (name, { wanted }) => [
    tool("gpasswd", "-M", wanted.join(","), name),
  ],
  removeGroup: (name) => tool("groupdel", "--", name),
};
