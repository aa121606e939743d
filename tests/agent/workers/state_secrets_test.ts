import { assertEquals } from "@std/assert";
import { WorkerPool } from "../../../lib/agent/workers/worker_pool.ts";
import type { WorkOutcome } from "../../../lib/agent/workers/workers.ts";
import { openLibc } from "../../../lib/operations/libc.ts";
import { standardSurroundings } from "../../../lib/operations/surroundings.ts";
import { sheetOf } from "../../steps/runs.ts";
import { sealed } from "../../steps/secrets/memory_secrets.ts";
import { TempFolder } from "../../support/temp_folder.ts";

// Opened once here: a test that opened it would fail for not closing it.
openLibc();

Deno.test({
  name: "a worker asks for the secrets of a state, and masks them once",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await TempFolder.make();
    const pool = new WorkerPool({
      allowTestOperations: false,
      surroundings: {
        ...standardSurroundings(),
        stepsFolder: folder.at("steps"),
      },
    });
    const asked: string[][] = [];
    const printed: Uint8Array[] = [];
    const ended = Promise.withResolvers<WorkOutcome>();
    const step = {
      operation: "command.Run",
      params: {
        shell: "read -r A; echo is $A; exit 1",
        stdin: sealed("$pin", "\n"),
      },
    };

    pool.start({
      commandId: 7n,
      operation: "state.Apply",
      params: JSON.stringify({ sheet: sheetOf(step) }),
      marker: `test-${crypto.randomUUID()}`,
    }, {
      started() {},
      progress() {},
      output: (_, bytes) => {
        printed.push(bytes.slice());
        return Promise.resolve();
      },
      request: (...request) => {
        asked.push(request);
        return Promise.resolve("123456");
      },
      ended: ended.resolve,
    });
    const { success, masked } = await ended.promise;
    pool.close();
    // Terminating takes a turn of the event loop.
    await new Promise<void>((resolve) => setTimeout(resolve, 0));

    const text = await new Blob(printed as BlobPart[]).text();
    const records = text.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(asked, [["secret", '{"command":"7","name":"pin"}']]);
    assertEquals(
      records.filter(({ kind }) => kind === "output")
        .map((record) => record.text).join(""),
      "is ***\n",
    );
    assertEquals([success, masked], [false, 1]);
  },
});
