import { type AccountTools, setHash, tool } from "./account_tools.ts";

/**
 * Programs of busybox, as Alpine has them. They make and remove, and change little of what is there. Source: their
 * --help.
 */
export const busyboxTools: AccountTools = {
  name: "busybox",
  lacks: ["uid", "first group", "home", "shell", "comment", "expires", "gid"],
  // A new home gives its group to what is made in it.
  defaults: { homeMode: 0o2755, ownGroups: true },
  addUser: ({ name, ...user }) => {
    const group = user.ownsGroup ? name : user.group ?? "users";
    return [
      ...user.ownsGroup
        ? [tool("addgroup", ...user.system ? ["-S"] : [], "--", name)]
        : [],
      tool(
        "adduser",
        "-D",
        ...user.makesHome ? [] : ["-H"],
        ...["-h", user.home],
        ...["-g", user.comment ?? ""],
        ...["-s", user.shell ?? "/bin/sh"],
        ...["-G", group],
        ...user.uid === undefined ? [] : ["-u", `${user.uid}`],
        ...user.system ? ["-S"] : [],
        "--",
        name,
      ),
      ...user.groups.map((each) => tool("addgroup", "--", name, each)),
    ];
  },
  changeUser: (name, { groups = { now: [], wanted: [] } }) => {
    const { now, wanted } = groups;
    return [
      ...now.filter((each) => !wanted.includes(each))
        .map((each) => tool("delgroup", "--", name, each)),
      ...wanted.filter((each) => !now.includes(each))
        .map((each) => tool("addgroup", "--", name, each)),
    ];
  },
  setHash,
  lock: (name, locked) => tool("passwd", locked ? "-l" : "-u", "--", name),
  expire: () => [],
  removeUser: (name, removesHome) =>
    tool("deluser", ...removesHome ? ["--remove-home"] : [], "--", name),
  addGroup: (name, { gid, system = false }) =>
    tool(
      "addgroup",
      ...gid === undefined ? [] : ["-g", `${gid}`],
      ...system ? ["-S"] : [],
      "--",
      name,
    ),
  renumberGroup: () => [],
  setMembers: (name, { now, wanted }) => [
    ...now.filter((each) => !wanted.includes(each))
      .map((each) => tool("delgroup", "--", each, name)),
    ...wanted.filter((each) => !now.includes(each))
      .map((each) => tool("addgroup", "--", each, name)),
  ],
  removeGroup: (name) => tool("delgroup", "--", name),
};
