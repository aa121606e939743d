import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { aborted } from "../../lib/base/signals.ts";
import { commandRun } from "../../lib/operations/command_run.ts";
import { blobsOf } from "../../lib/operations/registry.ts";
import { floodBytes, program } from "../support/program.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { blobOf, finish, newContext, textOf } from "./support.ts";

const MEGABYTE = 1_048_576;

Deno.test("a program reads a blob of any bytes to its end", async () => {
  const bytes = floodBytes(3 * MEGABYTE);
  const blob = blobOf(bytes);
  const argv = program("copyStdin");
  const { stdout, outcome } = await finish(
    commandRun.run({ argv, stdin_blob: blob.sha256 }, newContext(blob.data)),
  );

  assertEquals(outcome.success, true);
  assertEquals(stdout.length, bytes.length);
  assertEquals(blobOf(stdout).sha256, blob.sha256);
});

Deno.test("a program that closes its input early ends as it likes, and the rest is not asked for", async () => {
  const blob = blobOf(floodBytes(20 * MEGABYTE));
  const argv = program("printAndExit", "enough", "3");
  const { stdout, outcome } = await finish(
    commandRun.run({ argv, stdin_blob: blob.sha256 }, newContext(blob.data)),
  );

  assertEquals([textOf(stdout), outcome.exitCode], ["enough\n", 3]);
  assert(blob.served < 3 * MEGABYTE, `${blob.served} bytes were asked for`);
});

Deno.test("a program that does not read holds back all but the first pieces of its input", async () => {
  const blob = blobOf(floodBytes(20 * MEGABYTE));
  const context = newContext(blob.data);
  const argv = program("sleep");
  const { outcome } = await finish(
    commandRun.run({ argv, stdin_blob: blob.sha256 }, context),
    () => {
      context.stopNow();
      context.killNow();
    },
  );

  assertEquals(outcome.success, false);
  assert(blob.served < 3 * MEGABYTE, `${blob.served} bytes were asked for`);
});

Deno.test("a program whose input fails is ended, and does not take the beginning for the whole", async () => {
  const blob = blobOf(floodBytes(MEGABYTE));
  const context = newContext({
    ...blob.data,
    bytes: (type, params) => {
      const { offset } = params as { offset: number };
      if (offset > 0) {
        blob.refuse = new PiriError("NOT_FOUND", "Cannot find the blob: gone");
      }
      return blob.data.bytes(type, params);
    },
  });
  await using temp = await TempFolder.make();
  const argv = program("markEndOfStdin", temp.at("ended"));
  const failure = await assertRejects(
    () => finish(commandRun.run({ argv, stdin_blob: blob.sha256 }, context)),
    PiriError,
  );

  // The end of its input would have told it that the beginning is the whole.
  await assertRejects(() => Deno.stat(temp.at("ended")), Deno.errors.NotFound);

  assertEquals(failure.code, "NOT_FOUND");
  assertMatch(
    failure.message,
    /^Cannot give ".*" its whole input, so it was ended: Cannot find the blob: gone$/,
  );
});

Deno.test("a cancel ends a program that waits for its input", async () => {
  const blob = blobOf(floodBytes(MEGABYTE));
  const context = newContext({
    ...blob.data,
    bytes: (type, params) => {
      const { offset } = params as { offset: number };
      if (offset === 0) return blob.data.bytes(type, params);
      // As a worker does.
      return aborted(context.signal).then(() => {
        throw new PiriError("CANCELLED", "Cannot ask: cancelled");
      });
    },
  });
  const argv = program("copyStdin");
  const run = finish(
    commandRun.run({ argv, stdin_blob: blob.sha256 }, context),
    () => context.stopNow(),
  );

  const { outcome } = await run;
  assertEquals(outcome.success, false);
  assert(outcome.reaped !== undefined);
});

Deno.test("the blob of a command is found in its parameters, and none in wrong ones", () => {
  const sha256 = "a".repeat(64);
  const names = (params: unknown) =>
    blobsOf("command.Run", JSON.stringify(params));

  assertEquals(names({ shell: "cat", stdin_blob: sha256 }), [{
    sha256,
    isTree: false,
  }]);
  assertEquals(names({ shell: "cat", stdin: "text" }), []);
  assertEquals(names({ shell: "cat", stdin_blob: "../x" }), []);
  assertEquals(names({ shell: "cat", stdin: "text", stdin_blob: sha256 }), []);
  assertEquals(blobsOf("no.Such", JSON.stringify({ stdin_blob: sha256 })), []);
});
