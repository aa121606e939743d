import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemClock } from "../lib/base/clock.ts";
import { systemRandom } from "../lib/base/random.ts";
import { main } from "../lib/cli/main.ts";
import { initState } from "../lib/manager/state/init_state.ts";
import { joinManager, serveAgent } from "../lib/serve_agent.ts";
import { serveManager } from "../lib/serve_manager.ts";
import { freePort } from "../scripts/local/free_port.ts";
import { realTimeTerminal, SERVED } from "./cli/manager/real_terminal.ts";
import { programOf } from "./cli/manager/start.ts";
import { agentConnected } from "./support/agent_connected.ts";
import { TempFolder } from "./support/temp_folder.ts";

const SHORT = Deno.build.os === "darwin" ? { dir: "/tmp" } : {};

const options = { clock: systemClock, random: systemRandom };

/** Result of a command line. */
interface Typed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Command line of somebody with a home of his own. */
function person(folder: TempFolder, name: string) {
  return async (...args: readonly string[]): Promise<Typed> => {
    const { terminal, fake } = realTimeTerminal({
      env: { USER: name, HOME: folder.at(name), APPDATA: folder.at(name) },
    });
    const all = [
      ...args.slice(0, 1),
      "--dir",
      folder.at("m"),
      ...args.slice(1),
    ];
    const code = await main(programOf(SERVED), all, terminal);
    return { code, stdout: fake.stdout.text, stderr: fake.stderr.text };
  };
}

Deno.test("a host that requires two signatures does what two people have signed, and nothing else", async () => {
  await using folder = await TempFolder.make(SHORT);
  const [m, a] = [folder.at("m"), folder.at("a")];
  const alice = person(folder, "alice");
  const bob = person(folder, "bob");
  const address = { host: "127.0.0.1", port: freePort() };
  await initState(m, { ...options, listen: address, advertise: address });
  await using served = await serveManager({ ...options, dir: m });
  const { manager } = served;
  const token = await manager.agents.add({
    id: "web-1",
    groups: [],
    cidrs: [],
  });
  await joinManager(token, { ...options, dir: a });
  const keys = [await alice("key", "make"), await bob("key", "make")];
  const policy = await folder.write(
    "a/policy.yaml",
    [
      "mode: all",
      "signers:",
      ...keys.map(({ stdout }) => `  ${stdout.trim()}`),
      "require: [{ do: '*', signatures: 2 }]",
      "",
    ].join("\n"),
  );
  await Deno.chmod(policy, 0o600);
  // The edition that can only look judges signatures as the whole one does.
  await using _agent = await serveAgent({
    ...options,
    dir: a,
    edition: "observe",
  });
  await agentConnected(manager);
  const work = ["web-1", "--op", "echo.Echo", "text=hi"];

  const unsigned = await alice("run", ...work);
  assertEquals(unsigned.code, 4);
  assertStringIncludes(
    unsigned.stderr,
    "this agent's policy requires 2 signatures, and it has none (piri-manager run --sign --signatures 2)",
  );
  const alone = await alice("run", "--sign", ...work);
  assertEquals(alone.code, 4);
  assertStringIncludes(alone.stderr, "requires 2 signatures, and it has 1");

  const asked = await alice(
    "run",
    "--sign",
    "--signatures",
    "2",
    "--detach",
    ...work,
  );
  assertEquals([asked.code, asked.stdout], [0, "a-1\n"]);
  assertStringIncludes(
    asked.stderr,
    "needs 1 more signature (piri-manager sign a-1 --show, then piri-manager sign a-1)",
  );
  const shown = await bob("sign", "a-1", "--show");
  assertMatch(shown.stdout, /^operation: +echo\.Echo$/m);
  assertMatch(shown.stdout, /^on: +web-1$/m);
  assertMatch(shown.stdout, /^signatures: +1 of 2 signatures$/m);
  const [, hash = ""] = /^sha256: +(\w+)$/m.exec(shown.stdout) ?? [];
  const signed = await bob("sign", "a-1", "--sha256", hash);
  assertEquals(
    [signed.code, signed.stdout],
    [0, "signed a-1: it has become job j-3\n"],
  );
  const watched = await bob("watch", "j-3");
  assertEquals([watched.code, watched.stdout], [0, "hi\n"]);

  const released = await bob("sign", "j-3");
  assertMatch(released.stderr, /Cannot sign j-3: it is released/);
  const other = await bob("sign", "a-1", "--sha256", "0".repeat(64));
  assertMatch(other.stderr, /Cannot sign a-1: the SHA-256 of its statement is/);
});
