import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertRejects,
} from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { commandRun } from "../../lib/operations/command_run.ts";
import { floodBytes, program } from "../support/program.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { entryOf } from "./host.ts";
import { runElsewhere } from "./run_elsewhere.ts";
import { finish, newContext, textOf } from "./support.ts";

const posix = Deno.build.os !== "windows";
const isRoot = posix && Deno.uid() === 0;
const megabyte = 1_048_576;

Deno.test("a program's output and exit code come back", async () => {
  const argv = program("printAndExit", "hello", "3");
  const { stdout, outcome } = await finish(
    commandRun.run({ argv }, newContext()),
  );
  assertEquals(textOf(stdout), "hello\n");
  assertEquals(outcome, {
    success: false,
    changed: true,
    message: "The program ended with exit code 3",
    exitCode: 3,
  });
});

Deno.test("a program that exits with 0 has succeeded", async () => {
  const argv = program("printAndExit");
  const { outcome } = await finish(commandRun.run({ argv }, newContext()));
  assertEquals(outcome.success, true);
  assertEquals(outcome.exitCode, 0);
});

Deno.test("both streams are told apart", async () => {
  const argv = program("printBoth", "good", "bad");
  const { stdout, stderr } = await finish(
    commandRun.run({ argv }, newContext()),
  );
  assertEquals([textOf(stdout), textOf(stderr)], ["good", "bad"]);
});

Deno.test("20 MB come through each stream byte for byte, in pieces of 64 KiB at most", async () => {
  const size = 20 * megabyte;
  const { stdout, stderr, largestPiece } = await finish(
    commandRun.run({ argv: program("floodBoth", String(size)) }, newContext()),
  );
  const expected = floodBytes(size);
  assertEquals(await digest(stdout), await digest(expected));
  assertEquals(await digest(stderr), await digest(expected));
  assertLessOrEqual(largestPiece, 65_536);
});

Deno.test("output comes while the program runs, and a short piece holds no large buffer", async () => {
  const context = newContext();
  const run = commandRun.run({ argv: program("sleep") }, context);
  const { value } = await run.next();
  assert(value !== undefined && "kind" in value && value.kind === "output");
  assertEquals(textOf(value.bytes), "ready\n");
  assertEquals(value.bytes.buffer.byteLength, 6);
  context.stopNow();
  context.killNow();
  await finish(run);
});

Deno.test("a program waits while nobody takes its output", async () => {
  const context = newContext();
  await using folder = await TempFolder.make();
  const path = folder.at("progress");
  const run = commandRun.run(
    { argv: program("countPrinted", path) },
    context,
  );
  await run.next();
  const stuckAt = await settled(() => printedBytes(path));
  // Two pipes of 64 KiB by default, the pieces under way, and the program's own buffer.
  assertLess(stuckAt, megabyte);
  await run.next();
  context.stopNow();
  context.killNow();
  await finish(run);
});

Deno.test({
  name: "a program that a signal ended has the signal's name, and no exit code",
  ignore: !posix,
  fn: async () => {
    const argv = program("endBySignal", "SIGKILL");
    const { outcome } = await finish(commandRun.run({ argv }, newContext()));
    assertEquals(outcome.success, false);
    assertEquals(outcome.signal, "SIGKILL");
    assertEquals(outcome.exitCode, undefined);
    assertEquals(outcome.message, "The program was ended by SIGKILL");
  },
});

Deno.test("a program starts in the folder it is told", async () => {
  await using folder = await TempFolder.make();
  const argv = program("printCwd");
  const { stdout } = await finish(
    commandRun.run({ argv, cwd: folder.path }, newContext()),
  );
  assertEquals(textOf(stdout), folder.path);
});

Deno.test("a program reads the given input, and else nothing", async () => {
  const argv = program("copyStdin");
  const stdin = "line\n".repeat(100_000);
  const given = await finish(commandRun.run({ argv, stdin }, newContext()));
  assertEquals(textOf(given.stdout) === stdin, true);
  const none = await finish(commandRun.run({ argv }, newContext()));
  assertEquals(none.stdout.length, 0);
});

Deno.test("a program that does not read its input ends as usual", async () => {
  const argv = program("printAndExit", "bye");
  const stdin = "x".repeat(4 * megabyte);
  const { outcome } = await finish(
    commandRun.run({ argv, stdin }, newContext()),
  );
  assertEquals(outcome.success, true);
});

Deno.test("a program gets the default environment, the added variables, and the marker", async () => {
  const hidden = {
    DENO_TLS_CA_STORE: "system",
    SSL_CERT_FILE: "/dev/null",
    SSL_CERT_DIR: "/nonexistent",
    DENO_DIR_OF_NOBODY: "x",
    SOME_SECRET: "x",
  };
  const { stdout = "", marker } = await runElsewhere(
    { ...hidden, LC_TIME: "C" },
    { argv: program("printEnv"), env: { ADDED: "1" } },
  );
  const env = JSON.parse(stdout);
  assertEquals(env.ADDED, "1");
  assertEquals(env.LC_TIME, "C");
  assertEquals(env.PIRI_COMMAND, marker);
  assertEquals(Object.keys(hidden).filter((name) => name in env), []);
});

Deno.test("the marker cannot be set to another command's", async () => {
  const context = newContext();
  const { stdout } = await finish(
    commandRun.run({
      argv: program("printEnv"),
      env: { PIRI_COMMAND: "another" },
    }, context),
  );
  assertEquals(JSON.parse(textOf(stdout)).PIRI_COMMAND, context.marker);
});

Deno.test("a line for the shell is run by the shell", async () => {
  const { stdout, outcome } = await finish(
    commandRun.run({ shell: 'echo "a b"&& exit 5' }, newContext()),
  );
  assertEquals(textOf(stdout).trim().replaceAll('"', ""), "a b");
  assertEquals(outcome.exitCode, 5);
});

Deno.test({
  name: "a program runs as another user, with their variables (needs root)",
  ignore: !isRoot,
  fn: async () => {
    const nobody = await entryOf("nobody");
    const { stdout } = await finish(
      commandRun.run({
        shell: 'echo "$(id -u):$(id -g) $(id -G) $USER $HOME"; pwd',
        user: "nobody",
        cwd: "/",
      }, newContext()),
    );
    const { uid, gid, home } = nobody;
    assertEquals(
      textOf(stdout),
      `${uid}:${gid} ${gid} nobody ${home}\n/\n`,
    );
  },
});

Deno.test("a missing program is reported as not started", async () => {
  await assertNotStarted(
    { argv: ["no-such-program-7"] },
    'Cannot start "no-such-program-7": there is no such program',
  );
});

Deno.test("a missing folder is told apart from a missing program", async () => {
  await assertNotStarted(
    { argv: program("printCwd"), cwd: "/no/such/folder" },
    'there is no folder "/no/such/folder"',
  );
});

Deno.test("a missing user is refused", async () => {
  await assertRejects(
    () => finish(commandRun.run({ shell: "", user: "nobody-7" }, newContext())),
    PiriError,
    'Cannot act as "nobody-7"',
  );
});

Deno.test("a command that was cancelled before its start is not started", async () => {
  const context = newContext();
  context.stopNow();
  const error = await assertRejects(
    () => finish(commandRun.run({ argv: program("sleep") }, context)),
    PiriError,
  );
  assertEquals(error.code, "CANCELLED");
  assertEquals(context.processes, []);
});

Deno.test({
  name: "the started process is reported with its start time",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const context = newContext();
    const shell = "read -r boot < /proc/sys/kernel/random/boot_id; " +
      "read -r stat < /proc/$$/stat; set -- $stat; shift 21; echo $$ $boot:$1";
    const { stdout } = await finish(commandRun.run({ shell }, context));
    const [identity] = context.processes;
    assertEquals(
      textOf(stdout),
      `${identity?.pid} ${identity?.startTime}\n`,
    );
  },
});

async function assertNotStarted(
  params: Parameters<typeof commandRun.run>[0],
  message: string,
): Promise<void> {
  const error = await assertRejects(
    () => finish(commandRun.run(params, newContext())),
    PiriError,
    message,
  );
  assertEquals(error.code, "NOT_STARTED");
}

async function digest(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", bytes.slice());
  return new Uint8Array(hash).toHex();
}

/** Count of bytes that the program has reported as printed. */
async function printedBytes(path: string): Promise<number> {
  return Number(await Deno.readTextFile(path).catch(() => "0"));
}

/** Waits until a number above 0 has stayed the same for a while. */
async function settled(look: () => Promise<number>): Promise<number> {
  let before = 0;
  for (let same = 0; same < 10;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = await look();
    same = now > 0 && now === before ? same + 1 : 0;
    before = now;
  }
  return before;
}
