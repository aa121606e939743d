import { assertEquals, assertStringIncludes } from "@std/assert";
import { serveControl } from "../../../lib/api/server.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { main } from "../../../lib/cli/main.ts";
import { tempFolder } from "../../support/control.ts";
import { aCommand, SmallManager } from "../../support/small_manager.ts";
import { realTimeTerminal, SERVED } from "./real_terminal.ts";
import { programOf } from "./start.ts";

Deno.test("rerun goes on at its offset when a real server is closed and served again", async () => {
  await using folder = await tempFolder();
  const manager = new SmallManager();
  const places: unknown[] = [];
  const streaming = Promise.withResolvers<void>();
  const text = new TextEncoder().encode("one\ntwo\n");
  manager.commands = {
    ...manager.commands,
    watch: async function* ([from]) {
      places.push(from);
      const id = from?.id ?? 0n;
      const offset = from?.stdoutOffset ?? 0n;
      yield { kind: "command", command: aCommand({ id, state: "running" }) };
      const end = offset === 0n ? 4 : text.length;
      yield {
        kind: "output",
        commandId: id,
        stream: "stdout",
        offset,
        bytes: text.subarray(Number(offset), end),
        cut: 0n,
      };
      streaming.resolve();
      if (offset === 0n) await new Promise(() => {});
      yield { kind: "command", command: aCommand({ id, state: "succeeded" }) };
    },
  };
  const options = { manager, stateDir: folder.path, random: systemRandom };
  const { terminal, fake } = realTimeTerminal();
  const first = await serveControl(options);
  const code = main(
    programOf(SERVED),
    ["rerun", "1", "--dir", folder.path],
    terminal,
  );
  await streaming.promise;
  await first.close();
  await using _second = await serveControl(options);

  assertEquals(await code, 0);
  assertEquals(fake.stdout.text, "one\ntwo\n");
  assertEquals(places, [
    { id: 2n, stdoutOffset: 0n, stderrOffset: 0n },
    { id: 2n, stdoutOffset: 4n, stderrOffset: 0n },
  ]);
});

Deno.test("rerun exits 3 at once when a real server knows the agent as disconnected", async () => {
  await using folder = await tempFolder();
  const manager = new SmallManager();
  manager.commands = {
    ...manager.commands,
    rerun: () =>
      Promise.reject(
        new PiriError(
          "UNAVAILABLE",
          'Cannot run on "web-1": it is not connected',
        ),
      ),
  };
  await using _server = await serveControl({
    manager,
    stateDir: folder.path,
    random: systemRandom,
  });
  const { terminal, fake } = realTimeTerminal();
  const code = await main(
    programOf(SERVED),
    ["rerun", "1", "--dir", folder.path],
    terminal,
  );

  assertEquals(code, 3);
  assertEquals(
    fake.stderr.text,
    'error: Cannot run on "web-1": it is not connected\n',
  );
});

Deno.test("agents exits 3 at once when nobody serves the state folder", async () => {
  await using folder = await tempFolder();
  const { terminal, fake } = realTimeTerminal();
  const code = await main(
    programOf(SERVED),
    ["agents", "--dir", folder.path],
    terminal,
  );

  assertEquals(code, 3);
  assertStringIncludes(fake.stderr.text, "it is not running");
});
