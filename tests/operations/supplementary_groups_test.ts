import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { commandRun } from "../../lib/operations/command_run.ts";
import { withGroupsOf } from "../../lib/operations/credentials.ts";
import { openLibc } from "../../lib/operations/libc.ts";
import { runProgram } from "../../lib/operations/process.ts";
import { entryOf, membersOfGroups } from "./host.ts";
import { finish, newContext, textOf } from "./support.ts";

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;
const [member] = membersOfGroups();

for (const user of new Set(["nobody", member ?? "root", "root"])) {
  Deno.test({
    name:
      `a program of the user ${user} has the groups that su gives (needs root)`,
    ignore: !isRoot,
    fn: async () => {
      const { stdout } = await finish(
        commandRun.run({ shell: "id", user, cwd: "/" }, newContext()),
      );
      assertEquals(sorted(textOf(stdout)), sorted(await idBySu(user)));
    },
  });
}

Deno.test({
  name:
    "a user of this host has a second group, so that the tests above mean something (needs root)",
  // Most images of containers have no such user.
  ignore: !isRoot || member === undefined,
  fn: async () => {
    const { uid, gid } = await entryOf(member ?? "");
    const groups = await openLibc()?.groupsOf(member ?? "", Number(gid)) ?? [];
    assertEquals(groups[0], Number(gid));
    assertEquals([groups.length > 1, uid !== ""], [true, true]);
  },
});

Deno.test({
  name:
    "a program has all rights of its groups, and those of no others, and no capability (needs root)",
  ignore: !isRoot,
  fn: async () => {
    const { stdout } = await finish(runProgram({
      argv: [
        "/bin/grep",
        "-E",
        "^(Uid|Gid|Groups|CapPrm|CapEff|CapAmb):",
        "/proc/self/status",
      ],
      cwd: "/",
      env: {},
      user: {
        name: "somebody",
        uid: 65_533,
        gid: 60_001,
        groups: [60_003, 60_002],
      },
    }, newContext()));
    assertEquals(
      textOf(stdout).replaceAll(/[ \t]+/g, " "),
      [
        "Uid: 65533 65533 65533 65533",
        "Gid: 60001 60001 60001 60001",
        "Groups: 60002 60003 ",
        "CapPrm: 0000000000000000",
        "CapEff: 0000000000000000",
        "CapAmb: 0000000000000000",
        "",
      ].join("\n"),
    );
  },
});

Deno.test({
  name:
    "the agent's own thread has its own groups and capabilities again after each start (needs root)",
  ignore: !isRoot,
  fn: async () => {
    const before = credentials();
    await finish(
      commandRun.run({ shell: "", user: "nobody", cwd: "/" }, newContext()),
    );
    await assertRejects(() =>
      finish(
        commandRun.run(
          { argv: ["no-such-7"], user: "nobody", cwd: "/" },
          newContext(),
        ),
      )
    );
    assertEquals(credentials(), before);
  },
});

Deno.test({
  name:
    "the thread that starts a program changes its groups alone, and stays root (needs root)",
  ignore: !isRoot,
  fn: () => {
    const user = {
      name: "somebody",
      uid: 65_533,
      gid: 60_001,
      groups: [60_002],
    };
    const [thread, process] = withGroupsOf(user, () => [
      credentials("/proc/thread-self/status"),
      credentials(`/proc/self/task/${otherThread()}/status`),
    ]);
    assertEquals(thread?.slice(0, 2), [
      "Uid: 0 0 0 0",
      "Gid: 60001 60001 0 60001",
    ]);
    assertEquals(process, credentials());
  },
});

Deno.test({
  name:
    "a group that is given comes first, beside those of the user (needs root)",
  ignore: !isRoot,
  fn: async () => {
    const { gid } = await entryOf("nobody");
    const { stdout } = await finish(commandRun.run({
      shell: "echo $(id -u -n) $(id -g) $(id -G)",
      user: "nobody",
      group: "60",
      cwd: "/",
    }, newContext()));
    assertEquals(textOf(stdout), `nobody 60 60 ${gid}\n`);
  },
});

Deno.test({
  name:
    "a group without a user is that of root, beside root's own (needs root)",
  ignore: !isRoot,
  fn: async () => {
    const { stdout } = await finish(commandRun.run({
      shell: "echo $(id -u) $(id -g) $(id -G)",
      group: "60",
    }, newContext()));
    assertEquals(textOf(stdout), "0 60 60 0\n");
  },
});

Deno.test({
  name:
    "a group that does not exist is refused, with the next step (needs root)",
  ignore: !isRoot,
  fn: async () => {
    const error = await assertRejects(
      () =>
        finish(commandRun.run({ shell: "", group: "no-such-7" }, newContext())),
      PiriError,
      'Cannot use "no-such-7": no such group; "getent group" on that host lists those that there are',
    );
    assertEquals(error.code, "NOT_FOUND");
  },
});

Deno.test({
  name:
    "an agent that may not set groups starts nothing as another user (needs root)",
  ignore: !isRoot,
  fn: async () => {
    const libc = openLibc();
    const all = libc?.threadCapabilities() ?? new Uint32Array();
    const less = all.slice();
    less[0] = (less[0] ?? 0) & ~(1 << 6);
    libc?.setThreadCapabilities(less);
    try {
      await assertRejects(
        () =>
          finish(
            commandRun.run(
              { shell: "", user: "nobody", cwd: "/" },
              newContext(),
            ),
          ),
        PiriError,
        'Cannot start a program as "nobody": the agent may not set the groups of a process; it lacks the capability SETGID in this place',
      );
    } finally {
      libc?.setThreadCapabilities(all);
    }
  },
});

/** Ids and capabilities of a thread, as /proc tells them. */
function credentials(path = "/proc/thread-self/status"): string[] {
  return Deno.readTextFileSync(path).replaceAll(/[ \t]+/g, " ").split("\n")
    .filter((line) => /^(Uid|Gid|Groups|Cap[A-Z][a-z]+):/.test(line));
}

/** Id of a thread of this process that is not this one. */
function otherThread(): string {
  const own = Deno.readLinkSync("/proc/thread-self").split("/").at(-1);
  const all = [...Deno.readDirSync("/proc/self/task")];
  return all.find(({ name }) => name !== own)?.name ?? "";
}

async function idBySu(user: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("/bin/su", {
    args: [user, "-s", "/bin/sh", "-c", "id"],
    stdin: "null",
  }).output();
  assertEquals({ code, stderr: textOf(stderr) }, { code: 0, stderr: "" });
  return textOf(stdout);
}

/** Output of `id` with its groups in order. */
function sorted(text: string): string {
  return text.trim().replace(
    /(?<=groups=).*/,
    (list) => list.split(",").sort().join(","),
  );
}
