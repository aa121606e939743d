import { assertEquals, assertStringIncludes } from "@std/assert";
import type { SheetValue } from "../../lib/steps/sheet.ts";
import { FakeHost, type FakeNode, type Tree } from "./fake_host.ts";
import { planOn, type Ran, sheetOf } from "./runs.ts";

const posix = Deno.build.os === "linux";

function file(text: string): FakeNode {
  return { kind: "file", mode: 0o644, uid: 0, gid: 0, text };
}

const FOLDER: FakeNode = { kind: "folder", mode: 0o755, uid: 0, gid: 0 };

const TREE: Tree = new Map([
  ["/etc", FOLDER],
  ["/home", FOLDER],
  ["/usr", FOLDER],
  ["/usr/sbin", FOLDER],
  ["/usr/sbin/useradd", file("")],
  ["/etc/login.defs", file("UMASK 027\nUSERGROUPS_ENAB yes\n")],
  [
    "/etc/passwd",
    file(
      "root:x:0:0::/root:/bin/sh\neva:x:1001:1001::/home/eva:/bin/sh\n+::\n",
    ),
  ],
  ["/etc/group", file("root:x:0:\neva:x:1001:\ndev:x:50:eva\n")],
  ["/etc/shadow", file("eva:!$6$abcdefgh$old:1::::::\n")],
]);

type Params = Readonly<Record<string, SheetValue>>;

async function planned(
  ...steps: readonly (readonly [operation: string, params: Params])[]
): Promise<Ran> {
  return await planOn(
    new FakeHost(TREE),
    sheetOf(...steps.map(([operation, params]) => ({ operation, params }))),
  );
}

const WRONG: readonly (readonly [string, string, Params, string])[] = [
  ["an empty name", "user.Present", { name: "" }, "it has 1 to 32"],
  ["a name like an option", "user.Present", { name: "-r" }, "no name of a"],
  [
    "a name over 32 letters",
    "user.Absent",
    { name: "a".repeat(33) },
    "no name",
  ],
  ["a name with a colon", "group.Present", { name: "a:b" }, "no name of a"],
  ["a name of other letters", "group.Absent", { name: "änne" }, "no name of a"],
  [
    "a password in clear",
    "user.Present",
    { name: "new", password: "hunter22" },
    "no crypt hash",
  ],
  [
    "a comment of two lines",
    "user.Present",
    { name: "new", comment: "a\nb" },
    '"comment": "a\\nb" has a colon or a line end',
  ],
  [
    "a day that is none",
    "user.Present",
    { name: "new", expires: "2030-13-01" },
    '"expires": "2030-13-01" is neither',
  ],
  [
    "a group that nobody has",
    "user.Present",
    { name: "new", groups: ["none"] },
    "this host has none",
  ],
  [
    "no lock on a user without a password",
    "user.Present",
    { name: "new", locked: false },
    "it has no password",
  ],
  [
    "members that nobody knows",
    "group.Present",
    { name: "dev", members: ["none"] },
    "no such user",
  ],
  ["the removal of root", "user.Absent", { name: "root" }, "runs as this user"],
  [
    "the removal of the first group of a user",
    "group.Absent",
    { name: "eva" },
    'first group of "eva"',
  ],
];

for (const [what, operation, params, message] of WRONG) {
  Deno.test({
    name: `${operation} refuses ${what}`,
    ignore: !posix,
    fn: async () => {
      const { steps } = await planned([operation, params]);

      const error = steps[0]?.error?.message ?? "no error";
      assertStringIncludes(error, message);
      assertEquals(error.includes("hunter22"), false);
    },
  });
}

Deno.test({
  name: "a host without useradd cannot change accounts, and says so",
  ignore: !posix,
  fn: async () => {
    const tree = new Map(TREE);
    tree.delete("/usr/sbin/useradd");

    const { steps } = await planOn(
      new FakeHost(tree),
      sheetOf({ operation: "user.Present", params: { name: "new" } }),
    );

    assertEquals(steps.map(({ error }) => error?.code), ["UNSUPPORTED"]);
  },
});

Deno.test({
  name:
    "later steps see the user, the groups and the home that a step will make",
  ignore: !posix,
  fn: async () => {
    const { steps } = await planned(
      ["group.Present", { name: "ops" }],
      ["user.Present", { name: "new", groups: ["ops", "dev"] }],
      ["file.Dir", { path: "/home/new", user: "new", group: "new" }],
      ["file.Dir", { path: "/home/new", mode: 0o750 }],
      ["group.Present", { name: "ops", members: ["new"] }],
      ["group.Present", { name: "dev", members: ["eva", "new"] }],
    );

    assertEquals(
      steps.map(({ verdict }) => verdict),
      ["change", "change", "ok", "ok", "ok", "ok"],
    );
  },
});

Deno.test({
  name: "later steps see what a new home is filled with",
  ignore: !posix,
  fn: async () => {
    const host = new FakeHost(
      new Map([
        ...TREE,
        ["/etc/skel", FOLDER],
        ["/etc/skel/.profile", { ...file("umask 22\n"), mode: 0o600 }],
        ["/etc/skel/.config", FOLDER],
        ["/etc/skel/.config/app", file("1\n")],
        ["/etc/skel/link", {
          ...FOLDER,
          kind: "link",
          mode: 0o777,
          target: "x",
        }],
      ]),
    );
    const owner = { user: "new", group: "new" };

    const { steps } = await planOn(
      host,
      sheetOf(...[
        ["user.Present", { name: "new" }],
        ["file.Installed", {
          path: "/home/new/.profile",
          content: "umask 22\n",
          mode: 0o600,
          ...owner,
        }],
        ["file.Line", { path: "/home/new/.config/app", line: "1" }],
        ["file.Symlinked", { path: "/home/new/link", target: "x" }],
        ["file.Absent", { path: "/home/new/.bashrc" }],
        ["file.Line", { path: "/home/new/.profile", line: "umask 27" }],
      ].map(([operation, params]) => ({ operation, params }) as never)),
    );

    assertEquals(steps.map(({ verdict }) => verdict), [
      "change",
      "ok",
      "ok",
      "ok",
      "ok",
      "change",
    ]);
  },
});

Deno.test({
  name: "a member that a step ahead may make is unknown",
  ignore: !posix,
  fn: async () => {
    const { steps } = await planned(
      ["command.Run", { command: "true" }],
      ["group.Present", { name: "dev", members: ["none"] }],
    );

    assertEquals(steps[1]?.verdict, "unknown");
    assertEquals(
      steps[1]?.reason,
      'there is no user "none", and step "step 0" may make it',
    );
  },
});

Deno.test({
  name: "a group may be removed after the user whose first group it is",
  ignore: !posix,
  fn: async () => {
    const { steps } = await planned(
      ["user.Absent", { name: "eva" }],
      ["group.Absent", { name: "eva" }],
      ["group.Present", { name: "dev", members: [], "only_members": true }],
    );

    assertEquals(
      steps.map(({ verdict }) => verdict),
      ["change", "ok", "ok"],
    );
  },
});

Deno.test({
  name:
    "a user that is as it should be is left, and its hash is compared without its lock",
  ignore: !posix,
  fn: async () => {
    const { steps } = await planned(
      ["user.Present", { name: "eva", uid: 1001, groups: ["dev", "eva"] }],
      ["user.Present", { name: "eva", password: "$6$abcdefgh$old" }],
    );

    assertEquals(steps.map(({ verdict }) => verdict), ["ok", "ok"]);
  },
});

Deno.test({
  name: "a change of a password shows neither the old hash nor the new one",
  ignore: !posix,
  fn: async () => {
    const { records, steps } = await planned(
      ["user.Present", { name: "eva", password: "$6$abcdefgh$new" }],
    );

    assertEquals(steps[0]?.changes, [
      { what: "password", from: "(another)", to: "(given)" },
    ]);
    assertEquals(JSON.stringify(records).includes("$6$"), false);
  },
});
