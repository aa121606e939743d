import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { type Life, untilStopped } from "../../lib/cli/life.ts";
import { STOP_SIGNALS } from "../../lib/cli/terminal.ts";
import { FakeTerminal } from "./fake_terminal.ts";

interface Living {
  readonly terminal: FakeTerminal;
  readonly life: Life;
  readonly ended: Promise<void>;
  /** Lets the task end. */
  readonly rest: () => void;
}

async function living(hangUpEnds: boolean): Promise<Living> {
  const terminal = new FakeTerminal({ hangUpEnds });
  const begun = Promise.withResolvers<Life>();
  const rest = Promise.withResolvers<void>();
  const ended = untilStopped(terminal, (life) => {
    begun.resolve(life);
    return rest.promise;
  });
  return { terminal, life: await begun.promise, ended, rest: rest.resolve };
}

for (
  const [signal, hangUpEnds, reason] of [
    ["SIGINT", false, "SIGINT"],
    ["SIGTERM", false, "SIGTERM"],
    ["SIGINT", true, "SIGINT"],
    ["SIGTERM", true, "SIGTERM"],
    ["SIGHUP", true, "SIGHUP, the terminal has gone"],
  ] as const
) {
  const where = hangUpEnds ? "at a terminal" : "without a terminal";
  Deno.test(`${signal} ${where} stops the program, and is the reason`, async () => {
    const { terminal, life, ended, rest } = await living(hangUpEnds);
    const before = life.signal.aborted;
    await terminal.signal(signal);
    rest();
    await ended;

    assertEquals([before, life.signal.aborted], [false, true]);
    assertEquals(life.signal.reason, reason);
    assertEquals(terminal.isListening, false);
  });
}

Deno.test("SIGHUP without a terminal asks for a reload each time, and stops nothing", async () => {
  const { terminal, life, ended, rest } = await living(false);
  let reloads = 0;
  const listening = life.onReload(() => reloads++);
  await terminal.signal("SIGHUP");
  await terminal.signal("SIGHUP");
  listening[Symbol.dispose]();
  await terminal.signal("SIGHUP");
  rest();
  await ended;

  assertEquals([reloads, life.signal.aborted], [2, false]);
});

Deno.test("a reload that is asked for during the start happens after it, once", async () => {
  const { terminal, life, ended, rest } = await living(false);
  let reloads = 0;
  await terminal.signal("SIGHUP");
  await terminal.signal("SIGHUP");
  using _listening = life.onReload(() => reloads++);
  rest();
  await ended;

  assertEquals(reloads, 1);
});

Deno.test("SIGUSR1 asks for a restart, also before anybody listens, and stops nothing", async () => {
  const { terminal, life, ended, rest } = await living(true);
  await terminal.signal("SIGUSR1");
  let restarts = 0;
  using _listening = life.onRestart(() => restarts++);
  await terminal.signal("SIGUSR1");

  assertEquals([restarts, life.signal.aborted], [2, false]);
  rest();
  await ended;
});

for (const signal of STOP_SIGNALS.slice(0, 2)) {
  Deno.test(`a second request to stop, by ${signal}, does not wait for the end`, async () => {
    const { terminal, ended } = await living(false);
    const rejection = assertRejects(
      () => ended,
      PiriError,
      "asked to stop twice",
    );
    await terminal.signal("SIGTERM");
    await terminal.signal(signal);

    await rejection;
  });
}

Deno.test("a terminal that goes twice, as some do, stops the program once and cleanly", async () => {
  const { terminal, ended, rest } = await living(true);
  await terminal.signal("SIGHUP");
  await terminal.signal("SIGHUP");
  rest();

  await ended;
});
