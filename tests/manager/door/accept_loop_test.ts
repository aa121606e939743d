import { assertEquals } from "@std/assert";
import { Counters } from "../../../lib/base/counters.ts";
import { logger } from "../../../lib/base/log.ts";
import { acceptLoop } from "../../../lib/manager/door/accept_loop.ts";
import { FakeClock } from "../../support/fake_clock.ts";

/** A listener whose connections and failures a test scripts. */
class ScriptedListener {
  readonly clock = new FakeClock();
  readonly counters = new Counters();
  readonly stop = new AbortController();
  readonly received: string[] = [];
  readonly #waiting: PromiseWithResolvers<string>[] = [];
  /** Number of calls of `accept` so far. */
  accepts = 0;
  readonly done = acceptLoop(this, {
    receive: (conn: string) => this.received.push(conn),
    signal: this.stop.signal,
    clock: this.clock,
    counters: this.counters,
    log: logger("test"),
  });

  accept(): Promise<string> {
    this.accepts++;
    const next = Promise.withResolvers<string>();
    this.#waiting.push(next);
    return next.promise;
  }

  async connects(conn: string): Promise<void> {
    this.#waiting.shift()?.resolve(conn);
    await this.clock.settle();
  }

  async fails(): Promise<void> {
    this.#waiting.shift()?.reject(new Error("too many open files"));
    await this.clock.settle();
  }
}

Deno.test("accepting continues after a connection", async () => {
  const listener = new ScriptedListener();
  await listener.connects("first");
  await listener.connects("second");
  assertEquals(listener.received, ["first", "second"]);
  assertEquals(listener.accepts, 3);
  listener.stop.abort();
  await listener.fails();
  await listener.done;
});

Deno.test("accepting pauses for 100 ms where the system has no descriptor left", async () => {
  const listener = new ScriptedListener();
  await listener.fails();
  await listener.clock.advance(99);
  assertEquals(listener.accepts, 1);
  await listener.clock.advance(1);
  assertEquals(listener.accepts, 2);
  await listener.connects("late");
  assertEquals(listener.received, ["late"]);
  assertEquals(listener.counters.all(), { accept_errors: 1n });
  listener.stop.abort();
  await listener.fails();
  await listener.done;
});

Deno.test("closing the listener on purpose is no error", async () => {
  const listener = new ScriptedListener();
  listener.stop.abort();
  await listener.fails();
  await listener.done;
  assertEquals(listener.counters.all(), {});
  assertEquals(listener.accepts, 1);
});

Deno.test("a pause ends when accepting stops", async () => {
  const listener = new ScriptedListener();
  await listener.fails();
  listener.stop.abort();
  await listener.done;
  assertEquals(listener.accepts, 1);
  assertEquals(listener.clock.timers, 0);
});
