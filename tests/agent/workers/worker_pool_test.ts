import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
} from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import type { WorkItem } from "../../../lib/agent/workers/workers.ts";
import { openLibc } from "../../../lib/operations/libc.ts";
import { readProcess } from "../../../lib/operations/process_table.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { floodBytes, program } from "../../support/program.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { textOf } from "../../operations/support.ts";
import { until } from "../../../scripts/local/until.ts";
import { hashOf, jobOf, newPool, TestSink } from "./support.ts";

// Opened once here: a test that opened it would fail for not closing it.
openLibc();

Deno.test("a work item's output and outcome come back", async () => {
  await using pool = newPool();
  const sink = new TestSink();
  pool.start(jobOf("echo.Echo", { text: "hello" }), sink);
  assertEquals(await sink.outcome, {
    success: true,
    changed: false,
    data: { text: "hello" },
    printed: { stdout: hashOf("hello\n") },
  });
  assertEquals(textOf(await sink.stdout()), "hello\n");
});

Deno.test("a work item that prints nothing has no hashes of its output", async () => {
  await using pool = newPool();
  const sink = new TestSink();
  pool.start(jobOf("test.Sleep", { ms: 1 }), sink);
  assertEquals((await sink.outcome).printed, {});
});

Deno.test("output that could not be stored has no hashes", async () => {
  await using pool = newPool();
  const sink = new TestSink({
    output: () => Promise.reject(new PiriError("DISK", "Cannot write")),
  });
  pool.start(jobOf("echo.Echo", { text: "hello" }), sink);
  const { errorCode, printed } = await sink.outcome;
  assertEquals([errorCode, printed], ["DISK", undefined]);
});

Deno.test("each stream of a program has a hash of its own", async () => {
  await using pool = newPool();
  const sink = new TestSink();
  const argv = program("countAndFail", "3000", "FATAL: the real reason");
  pool.start(jobOf("command.Run", { argv }), sink);
  const { printed } = await sink.outcome;
  assertEquals(printed, {
    stdout: hashOf(await sink.printed("stdout")),
    stderr: hashOf(await sink.printed("stderr")),
  });
});

Deno.test("a secret is asked for by name, and masked before output is hashed and leaves the worker", async () => {
  await using pool = newPool();
  const asked: string[][] = [];
  const sink = new TestSink({
    request: (...request) => {
      asked.push(request);
      return Promise.resolve("hunter22");
    },
  });
  pool.start(
    jobOf("command.Run", {
      argv: program("copyStdin"),
      secret_stdin: "token",
    }),
    sink,
  );
  const { masked, printed, success } = await sink.outcome;
  assertEquals(asked, [["secret", '{"command":"1","name":"token"}']]);
  assertEquals(textOf(await sink.stdout()), "***");
  assertEquals([masked, success], [1, true]);
  assertEquals(printed, { stdout: hashOf("***") });
});

Deno.test("a program runs in a worker, and its process is reported", async () => {
  await using pool = newPool();
  const sink = new TestSink();
  const argv = program("printAndExit", "hello", "3");
  pool.start(jobOf("command.Run", { argv }), sink);
  const outcome = await sink.outcome;
  assertEquals([outcome.success, outcome.exitCode], [false, 3]);
  assertEquals(textOf(await sink.stdout()), "hello\n");
  assertEquals(sink.processes.length, 1);
});

Deno.test("20 MB come through a worker byte for byte", async () => {
  await using pool = newPool();
  const sink = new TestSink();
  const size = 20 * 1_048_576;
  const argv = program("floodStdout", String(size));
  pool.start(jobOf("command.Run", { argv }), sink);
  await sink.outcome;
  assertEquals(
    await digest(await sink.stdout()),
    await digest(floodBytes(size)),
  );
});

Deno.test("at most four pieces are under way to a sink that takes none", async () => {
  await using pool = newPool();
  const gate = Promise.withResolvers<void>();
  const sink = new TestSink({ output: () => gate.promise });
  const argv = program("floodStdout", "2000000");
  pool.start(jobOf("command.Run", { argv }), sink);
  await until("four are there", () => sink.pieces.length === 4);
  // A round trip through the worker, which would bring a fifth piece with it.
  const other = new TestSink();
  pool.start(jobOf("echo.Echo", { text: "" }), other);
  await other.outcome;
  assertEquals(sink.pieces.length, 4);
  gate.resolve();
  await sink.outcome;
  assertEquals((await sink.stdout()).length, 2_000_000);
});

Deno.test("an outcome comes after all output was taken", async () => {
  await using pool = newPool();
  const gate = Promise.withResolvers<void>();
  const sink = new TestSink({ output: () => gate.promise });
  let ended = false;
  sink.outcome.then(() => ended = true);
  pool.start(jobOf("echo.Echo", { text: "hello" }), sink);
  await until("it is there", () => sink.pieces.length === 1);
  const other = new TestSink();
  pool.start(jobOf("echo.Echo", { text: "" }), other);
  await other.outcome;
  assertEquals(ended, false);
  gate.resolve();
  await sink.outcome;
});

Deno.test("output that cannot be stored ends the work with the reason", async () => {
  await using pool = newPool();
  const full = new PiriError("DISK", "Cannot write: the disk is full");
  const sink = new TestSink({ output: () => Promise.reject(full) });
  const argv = program("sleep");
  pool.start(jobOf("command.Run", { argv }), sink);
  const outcome = await sink.outcome;
  assertEquals(outcome.success, false);
  assertEquals(outcome.errorCode, "DISK");
  assertEquals(outcome.message, "Cannot write: the disk is full");
  assertEquals(outcome.reaped?.alive, []);
});

const failures: Record<string, { job: WorkItem; code: string }> = {
  "an unknown operation": { job: jobOf("no.Such", {}), code: "NOT_FOUND" },
  "wrong parameters": {
    job: jobOf("echo.Echo", { txet: "" }),
    code: "INVALID_ARGUMENT",
  },
  "a program that is not there": {
    job: jobOf("command.Run", { argv: ["no-such-program-7"] }),
    code: "NOT_STARTED",
  },
  "an operation that is for tests": {
    job: jobOf("test.Sleep", { seconds: 0 }),
    code: "NOT_FOUND",
  },
};

for (const [what, { job, code }] of Object.entries(failures)) {
  Deno.test(`${what} is a failed outcome, and the worker lives`, async () => {
    await using pool = newPool({ allowTestOperations: false });
    const sink = new TestSink();
    pool.start(job, sink);
    const outcome = await sink.outcome;
    assertEquals([outcome.success, outcome.errorCode], [false, code]);
    assertEquals(pool.size, { idle: 1, busy: 0 });
  });
}

Deno.test("an operation gets the data it asks for, or the reason of a refusal", async () => {
  await using pool = newPool();
  await using folder = await TempFolder.make();
  const params = { source: "a", path: folder.at("target") };
  const content = floodBytes(200_000);
  const sha256 = await digest(content);
  const asked: string[] = [];
  const good = new TestSink({
    request: (type, text) => {
      asked.push(type);
      const { offset, length } = JSON.parse(text);
      return Promise.resolve(
        type === "file_stat"
          ? JSON.stringify({ size: content.length, sha256 })
          : content.slice(offset, offset + length),
      );
    },
  });
  pool.start(jobOf("file.Fetch", params), good);
  assertEquals((await good.outcome).success, true);
  assertEquals(asked, ["file_stat", ...Array(4).fill("file_content")]);
  assertEquals(good.progressSeen.at(-1), { current: 200_000, total: 200_000 });

  const bad = new TestSink({
    request: () => Promise.reject(new PiriError("NOT_FOUND", "There is none")),
  });
  pool.start(jobOf("file.Fetch", params), bad);
  const { errorCode, message } = await bad.outcome;
  assertEquals([errorCode, message], ["NOT_FOUND", "There is none"]);
});

Deno.test("an operation that waits for data ends when it is stopped", async () => {
  await using pool = newPool();
  const asked = Promise.withResolvers<void>();
  const sink = new TestSink({
    request: () => {
      asked.resolve();
      return new Promise(() => {});
    },
  });
  const handle = pool.start(
    jobOf("file.Fetch", { source: "a", path: "/nowhere" }),
    sink,
  );
  await asked.promise;
  handle?.stop();
  assertEquals((await sink.outcome).errorCode, "CANCELLED");
});

Deno.test("a stop ends a program, and a kill one that does not listen", async () => {
  await using pool = newPool();
  const polite = new TestSink();
  const stubborn = new TestSink();
  const first = pool.start(
    jobOf("command.Run", { argv: program("sleep") }),
    polite,
  );
  const second = pool.start(
    jobOf("command.Run", { argv: program("sleepIgnoringTerm") }),
    stubborn,
  );
  await until(
    "both run",
    () => polite.pieces.length + stubborn.pieces.length === 2,
  );
  first?.stop();
  second?.stop();
  assertEquals((await polite.outcome).reaped, { signalled: 1, alive: [] });
  second?.kill();
  assertEquals((await stubborn.outcome).reaped, { signalled: 1, alive: [] });
});

Deno.test("an operation that burns a core is stopped long before its end, and delays nothing", async () => {
  await using pool = newPool();
  const sink = new TestSink();
  const handle = pool.start(jobOf("test.Spin", { seconds: 60 }), sink);
  const other = new TestSink();
  pool.start(jobOf("echo.Echo", { text: "" }), other);
  await other.outcome;
  const start = performance.now();
  handle?.stop();
  assertEquals((await sink.outcome).message, "Stopped early");
  assertLess(performance.now() - start, 30_000);
});

Deno.test("work items run up to the limit, and no more", async () => {
  await using pool = newPool({ most: 2 });
  const sinks = [new TestSink(), new TestSink(), new TestSink()];
  const handles = sinks.map((sink) =>
    pool.start(jobOf("test.Sleep", { seconds: 60 }), sink)
  );
  assertEquals(handles.map((handle) => handle !== undefined), [
    true,
    true,
    false,
  ]);
  handles[0]?.stop();
  await sinks[0]?.outcome;
  const next = new TestSink();
  assert(pool.start(jobOf("echo.Echo", { text: "" }), next));
  await next.outcome;
});

Deno.test("an idle worker is used again, and released after a minute", async () => {
  const clock = new FakeClock();
  await using pool = newPool({ clock });
  for (let i = 0; i < 3; i++) {
    const sink = new TestSink();
    pool.start(jobOf("echo.Echo", { text: "" }), sink);
    await sink.outcome;
    assertEquals(pool.size, { idle: 1, busy: 0 });
    await clock.advance(59_000);
  }
  await clock.advance(999);
  assertEquals(pool.size.idle, 1);
  await clock.advance(1);
  assertEquals(pool.size.idle, 0);
});

Deno.test("abandoned work is not heard of any more, and makes room", async () => {
  await using pool = newPool({ most: 1 });
  const sink = new TestSink();
  const handle = pool.start(jobOf("test.Spin", { seconds: 60 }), sink);
  handle?.abandon();
  assertEquals(pool.size, { idle: 0, busy: 0 });
  let ended = false;
  sink.outcome.then(() => ended = true);
  const next = new TestSink();
  pool.start(jobOf("echo.Echo", { text: "" }), next);
  await next.outcome;
  assertEquals(ended, false);
});

Deno.test("a closed pool starts nothing", async () => {
  const pool = newPool();
  await pool[Symbol.asyncDispose]();
  assertEquals(
    pool.start(jobOf("echo.Echo", { text: "" }), new TestSink()),
    undefined,
  );
});

Deno.test("a worker that dies is a failed outcome, and the next job has another", async () => {
  const workerUrl = new URL("./dying_worker.ts", import.meta.url);
  await using pool = newPool({ workerUrl });
  for (let i = 0; i < 2; i++) {
    const sink = new TestSink();
    pool.start(jobOf("throw", {}), sink);
    const outcome = await sink.outcome;
    assertEquals([outcome.success, outcome.errorCode], [false, "INTERNAL"]);
    assertEquals(
      outcome.message?.startsWith(
        'Cannot finish "throw": its thread died: Uncaught',
      ),
      true,
    );
    assertEquals(pool.size, { idle: 0, busy: 0 });
  }
});

Deno.test({
  name: "processes of a worker that dies are ended",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const workerUrl = new URL("./dying_worker.ts", import.meta.url);
    await using pool = newPool({ workerUrl });
    const sink = new TestSink();
    pool.start(jobOf("spawn and throw", {}), sink);
    const { reaped } = await sink.outcome;
    assertGreaterOrEqual(reaped?.signalled ?? 0, 1);
    assertEquals(reaped?.alive, []);
    const [process] = sink.processes;
    assert(process);
    await until("it has ended", () => {
      const info = readProcess(process.pid);
      return info === undefined || info.zombie;
    });
  },
});

Deno.test("a worker that cannot be loaded is a failed outcome", async () => {
  const workerUrl = new URL("./no_such_worker.ts", import.meta.url);
  await using pool = newPool({ workerUrl });
  const sink = new TestSink();
  pool.start(jobOf("echo.Echo", { text: "" }), sink);
  assertEquals((await sink.outcome).errorCode, "INTERNAL");
});

async function digest(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", bytes.slice());
  return new Uint8Array(hash).toHex();
}
