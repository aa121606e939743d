import { assert, assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { LiveProgram } from "../support/live_program.ts";
import { NEEDS_MODES, story } from "../support/story.ts";

story(
  "piri-agent-observe looks, and refuses all that acts, whatever its Manager sends",
  async (executables) => {
    await using fleet = await startFleet(executables);
    const dir = fleet.folder.at("observer");
    await Deno.mkdir(dir, { mode: 0o700 });
    const trace = fleet.folder.at("trace");
    const start = (args: readonly string[], cwd = dir) =>
      new LiveProgram(
        `observer ${args[0]}`,
        [...executables.observer, "--dir", dir, ...args],
        { NO_COLOR: "1" },
        cwd,
      );
    const { stdout: token } = await fleet.manager("agent", "add", "eye-1");
    const file = await fleet.folder.write("token", token);
    await using elsewhere = start(["run"], fleet.folder.path);
    const refused = await elsewhere.end();
    await using joining = start(["join", "--token-file", file]);
    const joined = await joining.end();
    await using _running = start(["run"]);
    await fleet.connected("eye-1");
    const acts = [
      ["run", "eye-1", "--", "/bin/sh", "-c", `echo > ${trace}`],
      ["run", "eye-1", "--shell", `echo > ${trace}`],
      ["run", "eye-1", "--op", "file.Fetch", "source=x", `path=${trace}`],
      [
        ...["run", "eye-1", "--op", "file.Installed"],
        ...["source=x", `path=${trace}`, "method=content"],
      ],
      ["put", file, `eye-1:${trace}`],
    ];
    const codes = [];
    for (const words of acts) {
      const { code, stderr } = await fleet.manager(...words);
      codes.push(code);
      assertMatch(stderr, /this agent is piri-agent-observe/);
    }
    const looked = await fleet.manager(
      ...["run", "eye-1", "--op", "file.Stat", `path=${fleet.folder.path}`],
    );
    const own = await fleet.manager(
      ...["run", "eye-1", "--op", "file.Stat", `path=${dir}/agent.yaml`],
    );
    const facts = await fleet.manager("facts", "eye-1");

    assertEquals(refused.code, ExitCode.failed);
    assertMatch(
      refused.stderr,
      /writes only in the folder that it is started in/,
    );
    assertEquals(joined.code, ExitCode.ok);
    assertEquals(codes, acts.map(() => ExitCode.refused));
    assertEquals(looked.code, ExitCode.ok);
    assertMatch(looked.stdout, /"kind":"folder"/);
    assertEquals(own.code, ExitCode.refused);
    assertMatch(facts.stdout, /^policy\.edition +\S+ +observe$/m);
    assert(!await exists(trace));
  },
  { ignored: NEEDS_MODES },
);

story(
  "a host's owner changes the policy of a running agent, and its Manager hears it at once",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const agent = fleet.agent("web-1");
    const program = Deno.execPath();
    const run = (...words: string[]) =>
      fleet.manager("run", "web-1", "--", program, ...words);
    const before = await run("--version");
    const write = async (text: string) => {
      await Deno.writeTextFile(`${agent.dir}/policy.yaml`, text, {
        mode: 0o600,
      });
    };

    await write(
      `mode: rules\nallow: [{ do: command.Run, argv: ["${program}", "--help"] }]\n`,
    );
    const checked = await agent.cli("policy", "check");
    const tested = await agent.cli(
      ...["policy", "test", "--", program, "--version"],
    );
    const reloaded = await agent.cli("policy", "reload");
    const event = await fleet.event("agent_policy", "web-1");
    const refused = await run("--version");
    const allowed = await run("--help");
    await write("mode: rulez\n");
    const unread = await agent.cli("policy", "reload");
    await agent.stop();
    agent.start();
    await fleet.connected("web-1");
    const nothing = await run("--help");

    assertEquals(before.code, ExitCode.ok);
    assertMatch(
      checked.stdout,
      /^ok: mode rules, 1 rule, SHA-256 [0-9a-f]{64}$/m,
    );
    assertEquals(tested.code, ExitCode.refused);
    assertMatch(tested.stdout, /^refused by no rule: /);
    assertEquals(reloaded.code, ExitCode.ok);
    assertMatch(event, /has another policy: rules.*, after all/);
    assertEquals(refused.code, ExitCode.refused);
    assertMatch(
      refused.stderr,
      /Cannot run command\.Run \[".*","--version"\] here: no rule of this agent's policy allows it/,
    );
    assertEquals(allowed.code, ExitCode.ok);
    assertEquals(unread.code, ExitCode.usage);
    assertMatch(unread.stderr, /line 1: "mode" is wrong: it should be all/);
    assertEquals(nothing.code, ExitCode.refused);
    assertMatch(
      nothing.stderr,
      /policy cannot be read, so that nothing is allowed/,
    );
  },
  { ignored: NEEDS_MODES },
);

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}
