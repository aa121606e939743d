import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { ROOT } from "../../scripts/build/build.ts";
import { hostLines } from "../../scripts/demo/host_lines.ts";
import { quote } from "../../scripts/demo/quote.ts";
import { Daemon } from "../../scripts/local/daemon.ts";

/** Runs a module with all permissions and the project's config, from wherever. */
function denoRun(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--config", join(ROOT, "deno.json"), ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The folder that a demo says it works in. */
function folderOf(stdout: string): string {
  return / in (.+) \(their --dir/.exec(stdout)?.[1] ?? "";
}

Deno.test("the demo shows what three agents print, a failure, a cancel and the history", async () => {
  const { code, stdout, stderr } = await denoRun(join(ROOT, "scripts/demo.ts"))
    .output();
  const shown = textOf(stdout);

  assertEquals(textOf(stderr).includes("error:"), false, textOf(stderr));
  assertEquals(code, 0);
  for (const name of ["web-1", "web-2", "web-3"]) {
    assertMatch(shown, new RegExp(`^${name} +connected`, "m"));
    assertMatch(shown, new RegExp(`^${name}: step 3 of 3`, "m"));
  }
  assertStringIncludes(
    shown,
    `$ piri-manager run 'web-*' -- ${
      quote(hostLines(Deno.build.os).whichSystem)
    }\n`,
  );
  assertMatch(textOf(stderr), /^the disk is full/m);
  assertMatch(shown, /^\$ piri-manager watch j-4\n\[exit code 7\]$/m);
  assertMatch(shown, /^8 +web-3 +cancelled/m);
  assertMatch(shown, /^7 +web-2 +failed, exit code 3/m);
  assertEquals(shown.includes("\x1b"), false, "a file gets no colours");
  await assertRejects(() => Deno.stat(folderOf(shown)), Deno.errors.NotFound);
});

Deno.test("a demo whose agents end fails with their log, and removes its folder", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  const demo = toFileUrl(join(ROOT, "scripts/demo/demo.ts")).href;
  const local = toFileUrl(join(ROOT, "scripts/local/programs.ts")).href;
  // It joins as ever; what fails is the service.
  await Deno.writeTextFile(
    file,
    `import { demo } from "${demo}";
     import { fromSource } from "${local}";
     if (Deno.args[0] === "agent") {
       const [program, ...args] = fromSource.agent;
       if (Deno.args[1] === "run") {
         console.error("the agent is broken");
         Deno.exit(5);
       }
       const { code } = await new Deno.Command(program, {
         args: [...args, ...Deno.args.slice(1)],
       }).spawn().status;
       Deno.exit(code);
     }
     const agent = [...fromSource.agent.slice(0, -1), ${
      JSON.stringify(file)
    }, "agent"];
     Deno.exitCode = await demo({ ...fromSource, agent });`,
  );
  const { code, stdout, stderr } = await denoRun(file).output();
  await Deno.remove(file);

  assertEquals(code, 1);
  // Which of the three ends first is not for us to say.
  const [, first = ""] =
    /^error: Cannot go on: "piri-agent run of (web-\d)" ended with 5$/m
      .exec(textOf(stderr)) ?? [];
  assertStringIncludes(
    textOf(stderr),
    `--- the log of piri-agent run of ${first} ---\nthe agent is broken\n`,
  );
  assertMatch(
    textOf(stderr),
    /^--- the log of piri-manager serve ---\n.*manager_started/m,
  );
  await assertRejects(
    () => Deno.stat(folderOf(textOf(stdout))),
    Deno.errors.NotFound,
  );
});

Deno.test({
  name: "a demo that is interrupted ends all that it started",
  // There, one program cannot send another Ctrl-C.
  ignore: Deno.build.os === "windows",
  async fn() {
    const child = denoRun(join(ROOT, "scripts/demo.ts")).spawn();
    const errors = new Response(child.stderr).text();
    const output = child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    let shown = "";
    let read = await output.read();
    while (!read.done && !/agent process \d+\n/.test(shown)) {
      shown += read.value;
      read = await output.read();
    }
    child.kill("SIGINT");
    while (!read.done) read = await output.read();
    const told = await errors;
    const { code } = await child.status;

    // A command line that is ended tells what becomes of its jobs, and nothing else is told.
    assertMatch(
      told,
      /^((SIGTERM: cancelling job j-2…|j-\d: .*|web-\d: .*| +\w+: web-.*|hint: .*)\n)*$/,
    );
    assertEquals(code, 130);
    await assertRejects(() => Deno.stat(folderOf(shown)), Deno.errors.NotFound);
    const pids = [...shown.matchAll(/by agent process (\d+)\n/g)]
      .map(([, pid]) => Number(pid));
    assertNotEquals(pids, []);
    assertEquals(pids.filter(isAlive), []);
  },
});

function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

Deno.test("a line that means something to a shell is quoted", () => {
  assertEquals(
    quote(["run", "web-*", "--", "echo", "it's", "a b", ""]),
    `run 'web-*' -- echo 'it'\\''s' 'a b' ''`,
  );
  assertEquals(quote(["--dir", "/a-b/c_d.e", "k=v"]), "--dir /a-b/c_d.e k=v");
});

/** A daemon that runs this JavaScript. */
function daemon(code: string): Daemon {
  return new Daemon("daemon", {
    argv: [Deno.execPath(), "eval", "--no-config", code],
  });
}

Deno.test("a daemon is ended when it is disposed of, and its log is there", async () => {
  const started = daemon(
    `console.error("logged"); console.log("a\\nb"); setInterval(() => {}, 1e6);`,
  );
  assertEquals(await started.line(), "a");
  assertEquals(await started.line(), "b");
  await started.stop();

  assertEquals((await started.ended).success, false);
  assertEquals(started.log, "logged\n");
});

Deno.test("a daemon reads what it is told", async () => {
  await using started = daemon(
    `for await (const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) console.log("got " + line.trim());`,
  );
  await started.say("this");

  assertEquals(await started.line(), "got this");
});

Deno.test("a daemon that ends says so to who waits for a line", async () => {
  await using started = daemon(`Deno.exit(3)`);

  await assertRejects(
    () => started.line(),
    Error,
    "Cannot go on: daemon ended with 3",
  );
});
