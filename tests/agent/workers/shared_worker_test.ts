import { assertEquals } from "@std/assert";
import type { WorkerPool } from "../../../lib/agent/workers/worker_pool.ts";
import type { WorkOutcome } from "../../../lib/agent/workers/workers.ts";
import { openLibc } from "../../../lib/operations/libc.ts";
import { readProcess } from "../../../lib/operations/process_table.ts";
import { textOf } from "../../operations/support.ts";
import { until } from "../../../scripts/local/until.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { program } from "../../support/program.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { jobOf, newPool, TestSink } from "./support.ts";

// Opened once here: a test that opened it would fail for not closing it.
openLibc();

/** Time after which work that was not begun is taken from its worker, in milliseconds. */
const BACK_MS = 5_000;

Deno.test("twelve operations that only wait share one thread, which then serves any other", async () => {
  await using pool = newPool();
  const sinks = Array.from({ length: 12 }, () => new TestSink());
  const handles = sinks.map((sink) =>
    pool.start(jobOf("test.Sleep", { seconds: 60 }), sink)
  );
  assertEquals(pool.size, { idle: 0, busy: 1 });

  for (const handle of handles) handle?.stop();
  await Promise.all(sinks.map(({ outcome }) => outcome));

  assertEquals(pool.size, { idle: 1, busy: 0 });
  await ended(pool, "test.Spin", { seconds: 0 });
  assertEquals(pool.size, { idle: 1, busy: 0 });
});

Deno.test("an operation that computes has a thread of its own beside the shared one", async () => {
  await using pool = newPool();
  const [spinning, sleeping] = [new TestSink(), new TestSink()];
  const spin = pool.start(jobOf("test.Spin", { seconds: 60 }), spinning);
  const sleep = pool.start(jobOf("test.Sleep", { seconds: 60 }), sleeping);

  assertEquals(pool.size, { idle: 0, busy: 2 });

  spin?.stop();
  sleep?.stop();
  await Promise.all([spinning.outcome, sleeping.outcome]);
});

Deno.test("a secret of one command is not masked in the output of another one in its thread", async () => {
  await using pool = newPool();
  const secretive = new TestSink({
    request: () => Promise.resolve("hunter22"),
  });
  const other = new TestSink();
  const argv = program("copyStdin");

  pool.start(jobOf("command.Run", { argv, secret_stdin: "token" }), secretive);
  pool.start(jobOf("command.Run", { argv, stdin: "hunter22" }), other);
  await Promise.all([secretive.outcome, other.outcome]);

  assertEquals(textOf(await secretive.stdout()), "***");
  assertEquals(textOf(await other.stdout()), "hunter22");
});

Deno.test({
  name:
    "each command has its own environment and folder, though they share a thread",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using pool = newPool();
    await using folder = await TempFolder.make();
    const names = ["one", "two", "three"];
    const shell = "pwd; echo $OWN";
    for (const name of names) await Deno.mkdir(folder.at(name));

    const sinks = names.map((name) => {
      const sink = new TestSink();
      const params = { shell, cwd: folder.at(name), env: { OWN: name } };
      pool.start(jobOf("command.Run", params), sink);
      return sink;
    });
    await Promise.all(sinks.map(({ outcome }) => outcome));

    assertEquals(
      await Promise.all(sinks.map(async (sink) => textOf(await sink.stdout()))),
      names.map((name) => `${folder.at(name)}\n${name}\n`),
    );
  },
});

Deno.test("work that is given up leaves what shares its thread alone, and that thread gets no more", async () => {
  await using pool = newPool();
  const gate = Promise.withResolvers<void>();
  const stuck = new TestSink();
  const beside = new TestSink({ output: () => gate.promise });
  const handle = pool.start(jobOf("test.Sleep", { seconds: 60 }), stuck);
  pool.start(
    jobOf("command.Run", { argv: program("printAndExit", "hello", "0") }),
    beside,
  );
  await until("it prints", () => beside.pieces.length > 0);

  handle?.abandon();
  const next = new TestSink();
  pool.start(jobOf("test.Sleep", { seconds: 0 }), next);
  await next.outcome;
  gate.resolve();
  const outcome = await beside.outcome;

  assertEquals(outcome.errorCode, undefined);
  assertEquals(pool.size, { idle: 1, busy: 0 });
});

Deno.test("an operation that is asked to end before its thread begins it starts no program", async () => {
  await using pool = newPool();
  const sink = new TestSink();
  const handle = pool.start(
    jobOf("command.Run", { argv: program("sleep") }),
    sink,
  );

  handle?.stop();
  const outcome = await sink.outcome;

  assertEquals(outcome.errorCode, "CANCELLED");
  assertEquals(sink.processes, []);
});

Deno.test({
  name:
    "a thread that dies fails all that it carried out, and ends their processes",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const workerUrl = new URL("./dying_worker.ts", import.meta.url);
    await using pool = newPool({ workerUrl });
    const sinks = [new TestSink(), new TestSink()];
    for (const sink of sinks) {
      pool.start(jobOf("test.Sleep", { seconds: 60 }), sink);
    }
    await until("both run", () => sinks.every((one) => one.processes.length));
    const last = new TestSink();

    pool.start(jobOf("echo.Echo", { text: "" }), last);
    const outcomes = await Promise.all(
      [...sinks, last].map(({ outcome }) => outcome),
    );

    assertEquals(
      outcomes.map(({ success, errorCode, reaped }) => [
        success,
        errorCode,
        reaped?.alive,
      ]),
      Array(3).fill([false, "INTERNAL", []]),
    );
    assertEquals(
      sinks.flatMap(({ processes }) => processes)
        .filter(({ pid }) => readProcess(pid)?.zombie === false),
      [],
    );
    assertEquals(pool.size, { idle: 0, busy: 0 });
  },
});

Deno.test({
  name:
    "work that a held thread does not begin goes to another one, and the rest ends in its own time",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using held = await HeldThread.hold();
    const waiting = [new TestSink(), new TestSink()];
    const [first] = waiting.map((sink) =>
      held.pool.start(jobOf("test.Sleep", { seconds: 60 }), sink)
    );
    await held.clock.advance(BACK_MS / 2);
    first?.stop();
    await held.clock.advance(BACK_MS / 2);

    const stopped = await waiting[0]?.outcome;
    await until("the other waits", () => waiting[1]?.progressSeen.length === 1);
    assertEquals(stopped?.success, false);
    assertEquals(held.pool.size, { idle: 0, busy: 1 });
    assertEquals(held.isOver, false);

    await held.release();
    assertEquals((await held.outcome).success, true);
  },
});

Deno.test({
  name: "work that was given up before its thread begins it never begins",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using held = await HeldThread.hold();
    const sink = new TestSink();
    const argv = program("printAndExit", "hello", "0");
    const handle = held.pool.start(jobOf("command.Run", { argv }), sink);

    handle?.abandon();
    await held.clock.advance(BACK_MS);
    await held.release();
    await held.outcome;

    assertEquals(sink.processes, []);
    assertEquals(held.pool.size, { idle: 0, busy: 0 });
  },
});

Deno.test("a thread that is loaded late is no reason for another one", async () => {
  const clock = new FakeClock();
  await using pool = newPool({ clock });
  const sink = new TestSink();

  pool.start(jobOf("echo.Echo", { text: "" }), sink);
  await clock.advance(2 * BACK_MS);

  assertEquals(pool.size, { idle: 0, busy: 1 });
  await sink.outcome;
});

/** Pool whose shared thread is held by a disk that does not answer. */
class HeldThread {
  private constructor(
    readonly pool: WorkerPool & AsyncDisposable,
    readonly clock: FakeClock,
    readonly sink: TestSink,
    readonly folder: TempFolder,
    readonly gate: PromiseWithResolvers<void>,
  ) {
    sink.outcome.then(() => this.isOver = true);
  }

  /** True once the operation that holds it has ended. */
  isOver = false;

  static async hold(): Promise<HeldThread> {
    const clock = new FakeClock();
    const workerUrl = new URL("./held_worker.ts", import.meta.url);
    const pool = newPool({ workerUrl, clock });
    const folder = await TempFolder.make();
    await new Deno.Command("mkfifo", { args: [folder.at("pipe")] }).output();
    await ended(pool, "echo.Echo", { text: "" });
    // Its output is not taken, so that it cannot end before it holds the thread.
    const gate = Promise.withResolvers<void>();
    const sink = new TestSink({ output: () => gate.promise });
    pool.start(jobOf("echo.Echo", { text: folder.at("pipe") }), sink);
    await until("it holds the thread", () => sink.pieces.length === 1);
    return new HeldThread(pool, clock, sink, folder, gate);
  }

  get outcome(): Promise<WorkOutcome> {
    return this.sink.outcome;
  }

  async release(): Promise<void> {
    this.gate.resolve();
    await Deno.writeTextFile(this.folder.at("pipe"), "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

async function ended(
  pool: WorkerPool,
  operation: string,
  params: unknown,
): Promise<WorkOutcome> {
  const sink = new TestSink();
  pool.start(jobOf(operation, params), sink);
  return await sink.outcome;
}
