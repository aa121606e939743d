import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
} from "@std/assert";
import { commandRun } from "../../lib/operations/command_run.ts";
import { program } from "../support/program.ts";
import {
  finish,
  newContext,
  processesWith,
  textOf,
  timerSlackIsShown,
  uniqueSeconds,
} from "./support.ts";
import { until } from "../../scripts/local/until.ts";

const posix = Deno.build.os !== "windows";
const linux = Deno.build.os === "linux";

Deno.test("a cancelled program is asked to end, and the receipt says so", async () => {
  const context = newContext();
  const { outcome } = await finish(
    commandRun.run({ argv: program("sleep") }, context),
    () => context.stopNow(),
  );
  assertEquals(outcome.success, false);
  assertEquals(outcome.reaped, { signalled: 1, alive: [] });
});

Deno.test({
  name: "a program is asked to end once only",
  ignore: !posix,
  fn: async () => {
    const context = newContext();
    const { stdout, outcome } = await finish(
      commandRun.run({ argv: program("countTerms") }, context),
      (text) => {
        context.stopNow();
        // Long enough for several looks at the tree.
        if (text.includes("SIGTERM 1")) setTimeout(context.killNow, 500);
      },
    );
    assertEquals(textOf(stdout), "ready\nSIGTERM 1\n");
    assertEquals(outcome.signal, "SIGKILL");
  },
});

Deno.test({
  name:
    "a program that does not end when asked is killed when the grace is over",
  ignore: !posix,
  fn: async () => {
    const context = newContext();
    let killedAt = 0;
    const { outcome } = await finish(
      commandRun.run({ argv: program("sleepIgnoringTerm") }, context),
      () => {
        context.stopNow();
        setTimeout(() => {
          killedAt = performance.now();
          context.killNow();
        }, 300);
      },
    );
    assert(killedAt > 0);
    assertLess(performance.now() - killedAt, 30_000);
    assertEquals(outcome.signal, "SIGKILL");
    assertEquals(outcome.reaped, { signalled: 1, alive: [] });
  },
});

Deno.test({
  name: "grandchildren are also asked to end, and waited for",
  ignore: !linux,
  fn: async () => {
    const seconds = uniqueSeconds();
    const context = newContext();
    const { outcome } = await finish(
      commandRun.run({
        argv: program("forkGrandchildren", "3", "sleep", seconds),
      }, context),
      () => context.stopNow(),
    );
    assertEquals(processesWith(seconds), []);
    assertEquals(outcome.reaped, { signalled: 4, alive: [] });
  },
});

Deno.test({
  name:
    "a grandchild that ignores the request is killed after the program itself has ended",
  ignore: !linux,
  fn: async () => {
    const seconds = uniqueSeconds();
    const context = newContext();
    const { outcome } = await finish(
      commandRun.run({
        argv: program("forkGrandchildren", "2", "sleepIgnoringTerm", seconds),
      }, context),
      () => {
        context.stopNow();
        setTimeout(context.killNow, 300);
      },
    );
    assertEquals(processesWith(seconds), []);
    assertEquals(outcome.signal, "SIGTERM");
    assertEquals(outcome.reaped, { signalled: 3, alive: [] });
  },
});

const escapes: Record<string, { shell: string; ignore: boolean }> = {
  "in a session of its own": { shell: "setsid SLEEP &", ignore: !linux },
  "in a session of its own with a cleared environment": {
    shell: "env -i setsid SLEEP &",
    ignore: !linux,
  },
  "that lost its parent and left its session": {
    shell: "(setsid SLEEP &)",
    ignore: !linux,
  },
  "that lost its parent, its session and its environment (needs CAP_SYS_NICE)":
    { shell: "(env -i setsid SLEEP &)", ignore: !timerSlackIsShown },
};

for (const [what, { shell, ignore }] of Object.entries(escapes)) {
  Deno.test({
    name: `cancel ends a grandchild ${what}`,
    ignore,
    fn: async () => {
      const seconds = uniqueSeconds();
      const context = newContext();
      const line = shell.replace("SLEEP", `sleep ${seconds}`);
      const { outcome } = await finish(
        commandRun.run({ shell: `${line}\necho; wait; sleep 60` }, {
          ...context,
          kill: context.signal,
        }),
        async () => {
          await until("it runs", () => sleeping(seconds).length === 1);
          context.stopNow();
        },
      );
      assertEquals(processesWith(seconds), []);
      assertEquals(outcome.reaped?.alive, []);
      assertGreaterOrEqual(outcome.reaped?.signalled ?? 0, 2);
    },
  });
}

Deno.test({
  name:
    "60 children of all kinds that ignore SIGTERM are gone after a kill (needs CAP_SYS_NICE)",
  ignore: !timerSlackIsShown,
  fn: async () => {
    const seconds = uniqueSeconds();
    const context = newContext();
    const shell = `trap '' TERM; i=0; while [ $i -lt 20 ]; do i=$((i+1))
      sleep ${seconds} &
      setsid sleep ${seconds} &
      (env -i setsid sleep ${seconds} &)
    done; echo; wait`;
    const { outcome } = await finish(
      commandRun.run({ shell }, context),
      async () => {
        await until("all run", () => sleeping(seconds).length === 60);
        context.stopNow();
        setTimeout(context.killNow, 200);
      },
    );
    assertEquals(processesWith(seconds), []);
    assertEquals(outcome.reaped, { signalled: 61, alive: [] });
  },
});

Deno.test({
  name: "a tree that forks without end in its group is ended",
  ignore: !linux,
  fn: async () => {
    const token = uniqueSeconds();
    const context = newContext();
    const shell = `trap '' TERM; f() { sleep 0.01; f ${token} & }; echo; f`;
    await finish(commandRun.run({ shell }, context), async () => {
      await until("it forks", () => processesWith(token).length > 0);
      context.stopNow();
      setTimeout(context.killNow, 200);
    });
    // One look may miss such a tree, a hundred do not.
    const seen = Array.from({ length: 100 }, () => processesWith(token));
    assertEquals(seen.flat(), []);
  },
});

Deno.test({
  name: "another command's processes are left alone",
  ignore: !linux,
  fn: async () => {
    const others = uniqueSeconds();
    const other = newContext();
    const otherRun = finish(
      commandRun.run(
        { shell: `(env -i setsid sleep ${others} &) ; exec sleep ${others}` },
        other,
      ),
    );
    const context = newContext();
    await finish(
      commandRun.run({ argv: program("sleep") }, context),
      () => context.stopNow(),
    );
    assertEquals(sleeping(others).length, 2);
    other.stopNow();
    await otherRun;
    processesWith(others).forEach((pid) => Deno.kill(pid, "SIGKILL"));
  },
});

Deno.test({
  name:
    "processes left running by a program that ends by itself stay, and their output is given up",
  ignore: !linux,
  fn: async () => {
    const seconds = uniqueSeconds();
    const { stdout, outcome } = await finish(
      commandRun.run(
        { argv: program("leaveBehind", "sleep", seconds) },
        newContext(),
      ),
    );
    const [left = 0] = processesWith(seconds);
    assertEquals(textOf(stdout).split("\n")[0], String(left));
    assertEquals(outcome.success, true);
    assertEquals(
      outcome.message,
      "What it left running held its output until that was closed",
    );
    Deno.kill(left, "SIGKILL");
  },
});

Deno.test({
  name: "a program that left a silent daemon behind ends at once",
  ignore: !linux,
  fn: async () => {
    const seconds = uniqueSeconds();
    const start = performance.now();
    const { outcome } = await finish(
      commandRun.run(
        { shell: `sleep ${seconds} > /dev/null 2>&1 &` },
        newContext(),
      ),
    );
    assertLess(performance.now() - start, 30_000);
    assertEquals(outcome, {
      success: true,
      changed: true,
      message: "",
      exitCode: 0,
    });
    processesWith(seconds).forEach((pid) => Deno.kill(pid, "SIGKILL"));
  },
});

Deno.test({
  name: "all output of the program itself is read, however late",
  ignore: !linux,
  fn: async () => {
    const seconds = uniqueSeconds();
    const half = "head -c 60000 /dev/zero";
    const run = commandRun.run({
      shell: `sleep ${seconds} & ${half}; sleep 0.1; ${half}; exit 4`,
    }, newContext());
    const { value } = await run.next();
    assert(value !== undefined && "kind" in value && value.kind === "output");
    // The program ends while nobody takes its output, for longer than the grace of its output.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const { stdout, outcome } = await finish(run);
    assertEquals(outcome.exitCode, 4);
    assertEquals(value.bytes.length + stdout.length, 120_000);
    sleeping(seconds).forEach((pid) => Deno.kill(pid, "SIGKILL"));
  },
});

Deno.test({
  name: "a caller that leaves a run early leaves no process behind",
  ignore: !linux,
  fn: async () => {
    const seconds = uniqueSeconds();
    const run = commandRun.run(
      { argv: program("sleep", seconds) },
      newContext(),
    );
    await run.next();
    assertEquals(processesWith(seconds).length, 1);
    await run.return({ success: false, changed: false });
    assertEquals(processesWith(seconds), []);
  },
});

function sleeping(seconds: string): number[] {
  return processesWith(`sleep\0${seconds}`);
}
