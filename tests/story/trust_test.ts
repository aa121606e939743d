import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemRandom } from "../../lib/base/random.ts";
import { newSigningKey } from "../../lib/base/signing_key.ts";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { until } from "../../scripts/local/until.ts";
import { startFleet } from "../support/fleet.ts";
import { program } from "../support/program.ts";
import { NEEDS_MODES, story } from "../support/story.ts";

story(
  "an agent with another key stays outside, keeps running, and operators see it",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const agent = fleet.agent("web-1");
    await agent.stop();
    const path = `${agent.dir}/agent.key`;
    const own = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, newSigningKey(systemRandom));

    const checked = await agent.cli("check");
    agent.start();
    await agent.running.printed(/auth failed[^]*Dialling again/, "stderr");

    assertEquals(checked.code, ExitCode.refused);
    assertMatch(checked.stdout, /^ok +tls[^]*^FAILED +identity/m);
    assert(agent.running.isRunning);
    assertEquals((await fleet.known("web-1"))?.connected, false);
    assertMatch(
      await fleet.event("agent_refused", "web-1"),
      /it has another key than "web-1"/,
    );

    await agent.stop();
    await Deno.writeTextFile(path, own);
    // The secret of its join lets nobody in any more, and nobody needs it.
    await agent.configure({ secret: "A".repeat(43) });
    agent.start();
    await until(
      "web-1 is connected by its own key",
      async () => (await fleet.known("web-1"))?.connected === true,
    );
  },
);

story(
  "an agent talks only to the Manager of its own authority",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const other = fleet.folder.at("other");
    await fleet.manager(
      "init",
      "--dir",
      other,
      "--listen",
      "127.0.0.1:0",
      "--advertise",
      "127.0.0.1:7051",
    );
    const agent = fleet.agent("web-1");
    await agent.stop();
    await agent.configure({
      caPem: await Deno.readTextFile(`${other}/ca.pem`),
    });

    const { code, stdout } = await agent.cli("check");
    agent.start();
    await agent.running.printed(/No connection[^]*Dialling again/, "stderr");

    assertEquals(code, ExitCode.unavailable);
    assertMatch(
      stdout,
      /^ok +address[^]*^FAILED +tls +.*not the Manager that the agent joined/m,
    );
    assertEquals((await fleet.known("web-1"))?.connected, false);
  },
);

story(
  "a program sees neither the agent's TLS variables nor another command's marker",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1"],
      agentEnv: {
        PIRI_COMMAND: "of-another-agent",
        SSL_CERT_DIR: "/etc/ssl/certs",
      },
    });
    const argv = program("printEnv");

    const [one, two] = (await Promise.all([
      fleet.manager("run", "web-1", "--", ...argv),
      fleet.manager("run", "web-1", "--", ...argv),
    ])).map(({ stdout }) => JSON.parse(stdout));

    for (const env of [one, two]) {
      const leaked = ["DENO_TLS_CA_STORE", "SSL_CERT_FILE", "SSL_CERT_DIR"]
        .filter((name) => name in env);
      assertEquals(leaked, []);
    }
    const markers = [one, two].map(({ PIRI_COMMAND }) =>
      String(PIRI_COMMAND).replace(/-.*/, "")
    );
    assertEquals(markers.toSorted(), ["1", "2"]);
  },
);

story("a key that others may read is not used", async (executables) => {
  await using fleet = await startFleet(executables, { agents: ["web-1"] });
  const agent = fleet.agent("web-1");
  await agent.stop();
  await fleet.serving.stop();
  await Deno.chmod(agent.configPath, 0o640);
  await Deno.chmod(`${fleet.dir}/server.key`, 0o604);

  const run = await agent.cli("run");
  const serve = await fleet.manager("serve");

  assertEquals(run.code, ExitCode.refused);
  assertMatch(run.stderr, /chmod 600 .*agent\.yaml/);
  assertEquals(serve.code, ExitCode.refused);
  assertMatch(serve.stderr, /chmod 600 .*server\.key/);
}, { ignored: NEEDS_MODES });

story("logs contain neither secrets nor tokens", async (executables) => {
  await using fleet = await startFleet(executables, {
    managerConfig: { log: { level: "trace" } },
  });
  const token = await fleet.addAgent("web-1");
  const host = fleet.host("web-1");
  await host.join(token);
  await host.configure({ log: { level: "trace" } });
  host.start();
  await fleet.connected("web-1");

  const config = await Deno.readTextFile(host.configPath);
  const secret = /^secret: (\S+)$/m.exec(config)?.[1] ?? "no secret";
  const logs = () => fleet.serving.toString() + host.running.toString();
  await until(
    "the agent logs that it is connected",
    () => /Connected to the Manager/.test(logs()),
  );
  assert(!logs().includes(secret));
  assert(!logs().includes(token.slice(0, 40)));
});
