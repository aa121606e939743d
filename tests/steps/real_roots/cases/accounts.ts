import type { RootCase } from "../root_case.ts";

/** Hash of a password, which no record may show. */
export const HASH = "$6$abcdefgh$" + "x".repeat(86);

/** Written with each change of a group, and of a user. */
const OF_GROUPS = [
  "~ /etc/.pwd.lock",
  "~ /etc/group",
  "~ /etc/group-",
  "~ /etc/gshadow",
  "~ /etc/gshadow-",
];
const OF_USERS = [
  ...OF_GROUPS,
  "~ /etc/passwd",
  "~ /etc/passwd-",
  "~ /etc/shadow",
  "~ /etc/shadow-",
];

/** Cases of users and groups. */
export const ACCOUNTS: readonly RootCase[] = [
  {
    name: "user.Present makes a user with groups, and files may belong to it",
    steps: [
      { operation: "group.Present", params: { name: "piri-dev", gid: 4321 } },
      {
        operation: "user.Present",
        params: {
          name: "piri-anna",
          groups: ["piri-dev"],
          shell: "/bin/sh",
          comment: "Anna Ü",
          password: HASH,
          expires: "2030-01-31",
        },
      },
      {
        operation: "file.Installed",
        params: {
          path: "/home/piri-anna/hello",
          content: "hi\n",
          user: "piri-anna",
          group: "piri-anna",
        },
      },
      {
        operation: "file.Line",
        params: { path: "/home/piri-anna/.profile", line: "umask 027" },
      },
    ],
    written: [
      ...OF_USERS,
      "+ /etc/subgid-",
      "+ /etc/subuid-",
      "~ /etc/subgid",
      "~ /etc/subuid",
      "+ /home/piri-anna/",
      "+ /home/piri-anna/.bash_logout",
      "+ /home/piri-anna/.bashrc",
      "+ /home/piri-anna/.profile",
      "+ /home/piri-anna/hello",
    ],
    look:
      "id -Gn piri-anna; stat -c %U:%G /home/piri-anna/hello; getent passwd piri-anna | cut -d: -f5-; grep piri-anna /etc/shadow | cut -d: -f2,8",
    seen:
      `piri-anna piri-dev\npiri-anna:piri-anna\nAnna Ü:/home/piri-anna:/bin/sh\n${HASH}:21945\n`,
  },
  {
    name: "user.Present changes fields of a user, and locks it",
    prepare: `useradd -m -s /bin/bash -G games piri-anna
echo 'piri-anna:${HASH}' | chpasswd -e`,
    steps: [{
      operation: "user.Present",
      params: {
        name: "piri-anna",
        uid: 4567,
        shell: "/bin/sh",
        groups: ["mail"],
        "only_groups": true,
        locked: true,
      },
    }],
    written: [
      ...OF_USERS,
      "~ /home/piri-anna/",
      "~ /home/piri-anna/.bash_logout",
      "~ /home/piri-anna/.bashrc",
      "~ /home/piri-anna/.profile",
      "~ /var/log/faillog",
      "~ /var/log/lastlog",
    ],
    look:
      "id piri-anna -u; id -Gn piri-anna; grep piri-anna /etc/shadow | cut -d: -f2 | cut -c1-3",
    seen: "4567\npiri-anna mail\n!$6\n",
  },
  {
    name: "group.Present sets number and members of a group",
    prepare: "groupadd -g 4321 piri-dev; gpasswd -M games,mail piri-dev",
    steps: [{
      operation: "group.Present",
      params: {
        name: "piri-dev",
        gid: 4322,
        members: ["mail", "www-data"],
        "only_members": true,
      },
    }],
    written: [...OF_GROUPS, "~ /etc/passwd"],
    look: "getent group piri-dev",
    seen: "piri-dev:x:4322:mail,www-data\n",
  },
  {
    name: "user.Absent removes a user with its home and its group",
    prepare: "useradd -m -G games piri-anna",
    steps: [{
      operation: "user.Absent",
      params: { name: "piri-anna", "remove_home": true },
    }],
    written: [
      ...OF_USERS,
      "~ /etc/subgid",
      "~ /etc/subgid-",
      "~ /etc/subuid",
      "~ /etc/subuid-",
      "- /home/piri-anna",
    ],
    look:
      "getent passwd piri-anna; getent group piri-anna; ls -d /home/piri-anna 2>/dev/null; getent group games",
    seen: "games:x:60:\n",
  },
  {
    name: "group.Absent removes a group",
    prepare: "groupadd piri-dev",
    steps: [{ operation: "group.Absent", params: { name: "piri-dev" } }],
    written: OF_GROUPS,
    look: "getent group piri-dev || echo none",
    seen: "none\n",
  },
];
