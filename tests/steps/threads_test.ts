import { assertEquals } from "@std/assert";
import { WorkerPool } from "../../lib/agent/workers/worker_pool.ts";
import type { WorkOutcome } from "../../lib/agent/workers/workers.ts";
import { openLibc } from "../../lib/operations/libc.ts";
import { standardSurroundings } from "../../lib/operations/surroundings.ts";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { sheetOf } from "./runs.ts";

// Opened once here: a test that opened it would fail for not closing it.
openLibc();

/** Threads of an agent that run states, one after another. */
async function threads() {
  const folder = await TempFolder.make();
  const pool = new WorkerPool({
    allowTestOperations: false,
    surroundings: {
      ...standardSurroundings(),
      stepsFolder: folder.at("steps"),
    },
  });
  return {
    path: folder.at("made"),
    /** Starts an apply of one step. */
    apply(step: Pick<SheetStep, "operation" | "params">) {
      const ended = Promise.withResolvers<WorkOutcome>();
      const printed = Promise.withResolvers<void>();
      const handle = pool.start({
        commandId: 1n,
        operation: "state.Apply",
        params: JSON.stringify({ sheet: sheetOf(step) }),
        marker: `test-${crypto.randomUUID()}`,
      }, {
        started() {},
        progress() {},
        output: (_, bytes) => {
          const text = new TextDecoder().decode(bytes);
          return Promise.resolve(
            text.includes('"output"') ? printed.resolve() : undefined,
          );
        },
        request: () => Promise.reject(new Error("nothing is asked for")),
        ended: ended.resolve,
      });
      return { handle, outcome: ended.promise, printed: printed.promise };
    },
    async [Symbol.asyncDispose]() {
      pool.close();
      // Terminating takes a turn of the event loop.
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      await folder[Symbol.asyncDispose]();
    },
  };
}

Deno.test({
  name:
    "runs in two threads take turns, and wait for a third until it is stopped",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using host = await threads();
    const stuck = host.apply({
      operation: "command.Run",
      params: { shell: "echo up; exec sleep 600" },
    });
    await stuck.printed;

    const step = { operation: "file.Dir", params: { path: host.path } };
    const runs = [host.apply(step), host.apply(step)];
    stuck.handle?.stop();
    const outcomes = await Promise.all(runs.map(({ outcome }) => outcome));

    assertEquals((await stuck.outcome).success, false);
    assertEquals(
      outcomes.map(({ success, changed }) => `${success} ${changed}`)
        .toSorted(),
      ["true false", "true true"],
    );
  },
});
