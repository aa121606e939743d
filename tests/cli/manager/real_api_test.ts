import { assertEquals, assertStringIncludes } from "@std/assert";
import { connectControl } from "../../../lib/api/client.ts";
import { serveControl } from "../../../lib/api/server.ts";
import { systemClock } from "../../../lib/base/clock.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { main } from "../../../lib/cli/main.ts";
import type { ManagerServices } from "../../../lib/cli/manager/services.ts";
import type { Terminal } from "../../../lib/cli/terminal.ts";
import { tempFolder } from "../../support/control.ts";
import { aCommand, SmallManager } from "../../support/small_manager.ts";
import { FakeTerminal } from "../fake_terminal.ts";
import { programOf } from "./start.ts";

/** Services for the subcommands that need a served API, and no others. */
const services: ManagerServices = {
  init: () => Promise.reject(new TypeError("not here")),
  serve: () => Promise.reject(new TypeError("not here")),
  serveBriefly: () => Promise.reject(new TypeError("not here")),
  exportIdentity: () => Promise.reject(new TypeError("not here")),
  states: () => Promise.reject(new TypeError("not here")),
  stateSchema: () => Promise.reject(new TypeError("not here")),
  connect: connectControl,
  connectTo: () => Promise.reject(new TypeError("not here")),
  ciToken: () => Promise.reject(new TypeError("not here")),
  service: () => Promise.reject(new TypeError("not here")),
};

/** A terminal in memory, on real time, since the test waits for real sockets. */
function realTimeTerminal(): { terminal: Terminal; fake: FakeTerminal } {
  const fake = new FakeTerminal();
  return {
    fake,
    terminal: {
      stdout: fake.stdout,
      stderr: fake.stderr,
      columns: fake.columns,
      clock: systemClock,
      random: fake.random,
      env: (name) => fake.env(name),
      readStdin: () => fake.readStdin(),
      readFile: (path) => fake.readFile(path),
      openInput: (path) => fake.openInput(path),
      scratch: () => fake.scratch(),
      files: fake.files,
      hangUpEnds: fake.hangUpEnds,
      hasKeyboard: fake.hasKeyboard,
      onKey: (callback) => fake.onKey(callback),
      onSignal: (signal, callback) => fake.onSignal(signal, callback),
    },
  };
}

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
    programOf(services),
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
    programOf(services),
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
    programOf(services),
    ["agents", "--dir", folder.path],
    terminal,
  );

  assertEquals(code, 3);
  assertStringIncludes(fake.stderr.text, "it is not running");
});
