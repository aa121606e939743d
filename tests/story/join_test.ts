import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

story(
  "a host joins with a token, and is connected when its agent runs",
  async (executables) => {
    await using fleet = await startFleet(executables);
    const host = fleet.host("web-1");

    const added = await fleet.manager(
      "agent",
      "add",
      "web-1",
      "--group",
      "web",
    );
    const before = await fleet.manager("agents");
    const joined = await host.join(added.stdout);
    const checked = await host.cli("check");
    host.start();
    await fleet.connected("web-1");
    const [agent] = await fleet.json("agents");

    assertMatch(added.stdout, /^piri1-\S+\n$/);
    assertMatch(before.stdout, /^web-1 +not joined/m);
    assertEquals(joined.code, ExitCode.ok);
    assertMatch(
      joined.stdout,
      /^joined as web-1, the Manager is at 127\.0\.0\.1:\d+\n$/,
    );
    assertEquals(checked.code, ExitCode.ok);
    assertMatch(checked.stdout, /^ok +tls[^]*^ok +identity/m);
    const {
      since,
      address,
      version,
      protocol,
      instance,
      facts: _facts,
      installation,
      ...rest
    } = agent ?? {};
    assertEquals(rest, {
      id: "web-1",
      state: "connected",
      groups: ["web"],
      cidrs: [],
      joined: true,
      setFacts: {},
      retired: false,
      revokedAt: null,
      onTrialFrom: null,
    });
    assert(Date.parse(String(since)) <= Date.now());
    assertMatch(String(address), /^127\.0\.0\.1:\d+$/);
    assertMatch(String(version), /^\d+\.\d+\.\d+/);
    assertEquals(protocol, "2");
    assertMatch(String(instance), /^[0-9a-f]{32}$/);
    // A program from source is no installation; an executable that nobody installed is a loose one.
    assertMatch(String(installation), /^(null|loose)$/);
  },
);

story(
  "join may be repeated with the same token, for example after a crash",
  async (executables) => {
    await using fleet = await startFleet(executables);
    const token = await fleet.addAgent("web-1");
    const host = fleet.host("web-1");
    await host.join(token);
    const before = await Deno.readTextFile(host.configPath);

    const { code } = await host.join(token);

    assertEquals(code, ExitCode.ok);
    assertEquals(await Deno.readTextFile(host.configPath), before);
  },
);

story(
  "another host is refused with a used token",
  async (executables) => {
    await using fleet = await startFleet(executables);
    const token = await fleet.addAgent("web-1");
    await fleet.host("web-1").join(token);

    const { code, stderr } = await fleet.host("thief").join(token);

    assertEquals(code, ExitCode.refused);
    assertMatch(stderr, /used by another host/);
    assertMatch(await fleet.event("agent_refused"), /"web-1" was turned away/);
  },
);

story("join does not dial with an invalid token", async (executables) => {
  await using fleet = await startFleet(executables);
  const token = await fleet.addAgent("web-1");

  const cut = await fleet.host("web-1").join(token.slice(0, -20));
  const absent = await fleet.host("web-1").cli("run");

  assertEquals(cut.code, ExitCode.usage);
  assertMatch(cut.stderr, /cut short or mistyped/);
  assertEquals(absent.code, ExitCode.failed);
  assertMatch(absent.stderr, /has not joined a Manager; run piri-agent join/);
});

story(
  "a reinstalled host joins with a new token, and its old secret is invalid",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const host = fleet.agent("web-1");
    await host.stop();
    const before = fleet.folder.at("before");
    await Deno.rename(host.dir, before);

    const { stdout: token } = await fleet.manager("agent", "token", "web-1");
    const joined = await host.join(token);
    host.start();
    await fleet.connected("web-1");

    assertEquals(joined.code, ExitCode.ok);
    assertMatch(
      await fleet.event("agent_instance"),
      /another instance than before/,
    );
    const { stdout } = await fleet.manager(
      "run",
      "web-1",
      "--",
      ...program("printAndExit", "new"),
    );
    assertEquals(stdout, "new\n");
    const old = await host.cli("check", "--dir", before);
    assertEquals(old.code, ExitCode.refused);
    assertMatch(old.stdout, /^FAILED +identity/m);
  },
);

story(
  "an agent is removed once its commands have ended, and says so itself",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const argv = program("waitForFile", fleet.folder.at("go"));
    const running = fleet.spawn("run", "web-1", "--", ...argv);
    await running.printed(/ready\n/);

    const refused = await fleet.manager("agent", "remove", "web-1");
    const removed = await fleet.manager("agent", "remove", "web-1", "--force");
    const { code } = await running.end();
    const host = fleet.agent("web-1");
    await host.running.printed(
      /The Manager said Bye: "this agent was removed from the fleet"\n.*This agent was removed from the fleet: to use this host again/,
      "stderr",
    );
    const beside = await host.cli("check");
    await host.stop();
    const alone = await host.cli("check");

    assertEquals(refused.code, ExitCode.refused);
    assertMatch(
      refused.stderr,
      /command 1 on it has not ended.*\nhint: .*agent remove web-1 --force\n/,
    );
    assertEquals(removed.code, ExitCode.ok);
    assertMatch(
      removed.stdout,
      /^command 1: cancelled.*\nremoved agent "web-1": it was told\n$/,
    );
    assertEquals(code, ExitCode.cancelled);
    assertEquals(await fleet.json("agents"), []);
    for (const { code, stdout } of [beside, alone]) {
      assertEquals(code, ExitCode.refused);
      assertMatch(stdout, /^FAILED +identity .*was removed from the fleet/m);
    }

    const { stdout: token } = await fleet.manager("agent", "add", "web-1");
    await host.join(token);
    host.start();
    await fleet.connected("web-1");
    assertMatch((await host.cli("check")).stdout, /^ok +identity/m);
  },
);

story(
  "two agents have secrets of their own, which the Manager does not keep",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2"],
    });

    const [one, two] = await Promise.all(
      ["web-1", "web-2"].map(async (name) =>
        /^secret: (\S+)$/m.exec(
          await Deno.readTextFile(fleet.agent(name).configPath),
        )?.[1] ?? ""
      ),
    );

    assertMatch(one ?? "", /^[\w-]{43}$/);
    assertNotEquals(one, two);
    for await (const { name, isFile } of Deno.readDir(fleet.dir)) {
      const text = isFile
        ? new TextDecoder("latin1").decode(
          await Deno.readFile(`${fleet.dir}/${name}`),
        )
        : "";
      assert(!text.includes(one ?? ""), name);
    }
  },
);
