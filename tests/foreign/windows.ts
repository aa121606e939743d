/**
 * Tells the smoke story with executables of Windows, which wine runs on this machine, and the story of a service:
 * `bash .ci/full foreign`.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { VERSION } from "../../lib/base/version.ts";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { say } from "../../scripts/build/main.ts";
import { freePort } from "../../scripts/local/free_port.ts";
import { build } from "../../scripts/build/build.ts";
import { agent as product, type Product } from "../../scripts/build/product.ts";
import { targetNamed } from "../../scripts/build/target.ts";
import { makeReleaseOf } from "../support/release_folder.ts";
import { TEST_KEY_LINE } from "../support/signed_release.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { forgetPrograms, transcript } from "../support/live_program.ts";
import {
  oddSeconds,
  processesWith,
  untilProcesses,
} from "../support/processes.ts";
import { tellSmokeStory } from "./smoke_story.ts";
import {
  whyNoWine,
  windowsCommands,
  windowsExecutables,
  windowsPath,
  WineHost,
} from "./wine_host.ts";
import { native } from "./native.ts";
import { smokeCommands } from "./smoke_program.ts";

const why = await whyNoWine();
const remark = why === undefined ? "" : ` (ignored because ${why})`;

/** Longest wait for something that should come soon, in milliseconds. */
const PATIENCE_MS = 120_000;

/** Folders of the services and of what belongs to them, on the system's drive. */
const AGENT_DIR = "C:\\ProgramData\\piri-agent";
const MANAGER_DIR = "C:\\ProgramData\\piri-manager";

/** Versions of an agent that works, and of one that does not. */
const GOOD = "0.98.0";
const BAD = "0.99.0";

Deno.test({
  name: `an agent of Windows keeps its promises to a Manager of Linux${remark}`,
  ignore: why !== undefined,
  async fn(t) {
    await using host = await WineHost.start();
    const { agent } = await windowsExecutables();
    await tellSmokeStory(t, {
      manager: (await native()).manager,
      agent: host.executable(agent),
      commands: windowsCommands(),
      facts: { os: "windows", arch: "x64" },
      forcedExitCode: 1,
      patienceMs: PATIENCE_MS,
    });
  },
});

Deno.test({
  name:
    `a Manager of Windows keeps its promises with an agent of Linux${remark}`,
  ignore: why !== undefined,
  async fn(t) {
    await using host = await WineHost.start();
    const { manager } = await windowsExecutables();
    await tellSmokeStory(t, {
      manager: host.executable(manager),
      agent: (await native()).agent,
      commands: smokeCommands(),
      facts: { os: "linux", arch: "x64" },
      patienceMs: PATIENCE_MS,
    });
  },
});

Deno.test({
  name:
    `both programs are services of Windows, and keep their promises${remark}`,
  ignore: why !== undefined,
  async fn(t) {
    forgetPrograms();
    await using host = await WineHost.start();
    const programs = await windowsExecutables();
    const agent = (...args: string[]) =>
      run(host, programs.agent, ["--dir", AGENT_DIR, ...args]);
    const manager = (...args: string[]) =>
      run(host, programs.manager, ["--dir", MANAGER_DIR, ...args]);
    const address = `127.0.0.1:${freePort()}`;
    const step = async (name: string, tell: () => Promise<void>) => {
      const isTold = await t.step(name, tell);
      if (!isTold) say(transcript());
      assert(isTold, name);
    };

    await step("a Manager becomes a service, and serves", async () => {
      await manager("init", "--listen", address);
      const installed = await manager("service", "install");
      assertMatch(installed, /^done {2}made the service piri-manager$/m);
      const again = await manager("service", "install", "--json");
      assertEquals(JSON.parse(again).changed, false);
      assertEquals(
        await manager("service", "start"),
        "done  started piri-manager\n",
      );
      assertEquals(await manager("agents", "--json"), "");
    });

    await step("a host joins as a service, and connects", async () => {
      const added = await manager("agent", "add", "win-1", "--json");
      const { token } = JSON.parse(added);
      const joined = await agent("join", "--service", token);
      assertMatch(joined, /^joined as win-1, the Manager is at 127\.0\.0\.1:/);
      assertMatch(joined, /^it runs as a service and is connected$/m);
    });

    await step("its commands find programs by the PATH", async () => {
      const said = await manager("run", "win-1", "--", "cmd", "/c", "echo hi");
      assertEquals(said, "hi\n");
    });

    await step("its status and its log tell of it", async () => {
      const { running, connected, installation, executable } = JSON.parse(
        await agent("service", "status", "--json"),
      );
      assertEquals(
        { running, connected, installation, executable },
        {
          running: true,
          connected: true,
          installation: "slots",
          executable:
            `C:\\Program Files\\Piri\\agent\\versions\\${VERSION}\\piri-agent.exe`,
        },
      );
      const log = await Deno.readTextFile(
        host.at("ProgramData/piri-agent/log/piri-agent.log"),
      );
      assertMatch(log, /Connected to the Manager at/);
    });

    await step("what left the tree of a cancelled command ends", async () => {
      const [stray, own] = [oddSeconds(), oddSeconds()];
      // The inner shell ends, and then nothing leads from the command to what it has started.
      const line = `cmd /c start /b ${asleep(stray)} & ${asleep(own)}`;
      const args = ["run", "win-1", "--detach", "--json", "--shell", line];
      const { id } = JSON.parse(await manager(...args));
      await untilProcesses(stray, 1);
      await untilProcesses(own, 1);
      await manager("cancel", id);
      await untilProcesses(stray, 0);
      await untilProcesses(own, 0);
    });

    await step("a daemon of a command survives a new start", async () => {
      const mark = oddSeconds();
      await manager("run", "win-1", "--shell", `start /b ${asleep(mark)}`);
      assertEquals(
        await agent("service", "restart"),
        "done  restarted piri-agent\n",
      );
      const left = processesWith(mark);
      assertEquals(left.length, 1);
      for (const pid of left) Deno.kill(pid, "SIGKILL");
    });

    await step(
      "an update takes over, and a broken one is taken back",
      async () => {
        await using folder = await TempFolder.make();
        await makeVersions(folder);
        for (
          const dir of ["piri-manager/config.yaml", "piri-agent/agent.yaml"]
        ) {
          await Deno.writeTextFile(
            host.at(`ProgramData/${dir}`),
            `updateKeys: [${TEST_KEY_LINE}]\n`,
            { append: true },
          );
        }
        await manager("service", "restart");
        await agent("service", "restart");
        for (const version of [GOOD, BAD]) {
          await manager("release", "add", windowsPath(folder.at(version)));
        }
        await manager("update", "win-1", "--to", GOOD, "--confirm", "3s");
        await using update = host.spawn(
          ...[programs.manager, "--dir", MANAGER_DIR, "update", "win-1"],
          ...["--to", BAD, "--confirm", "3s"],
        );
        const { code, stderr } = await update.end(PATIENCE_MS);
        assertEquals(code, ExitCode.failed);
        assertMatch(
          stderr,
          /version 0\.99\.0 was given up, and 0\.98\.0 runs again: it was started 3 times/,
        );
        const agents = JSON.parse(await manager("agents", "--json"));
        assertEquals([agents.state, agents.version], ["connected", GOOD]);
        const { executable } = JSON.parse(
          await agent("service", "status", "--json"),
        );
        assertMatch(executable, /\\versions\\0\.98\.0\\piri-agent\.exe$/);
      },
    );

    await step("a stop ends what runs, and says when it is over", async () => {
      const mark = oddSeconds();
      const args = ["run", "win-1", "--detach", "--shell", asleep(mark)];
      await manager(...args);
      await untilProcesses(mark, 1);
      assertEquals(
        await agent("service", "stop"),
        "done  stopped piri-agent\n",
      );
      assertEquals(processesWith(mark), []);
      await using status = host.spawn(
        ...[programs.agent, "--dir", AGENT_DIR, "service", "status"],
      );
      const { code, stdout } = await status.end(PATIENCE_MS);
      assertEquals(code, ExitCode.unavailable);
      assertMatch(stdout, /^running: +no: stopped\r?$/m);
    });

    await step("nobody but Windows starts the service itself", async () => {
      await using service = host.spawn(
        ...[programs.agent, "--dir", AGENT_DIR, "service", "run"],
      );
      const { code, stderr } = await service.end(PATIENCE_MS);
      assertEquals(code, ExitCode.failed);
      assertMatch(stderr, /Windows has not started this program as one/);
    });

    await step("nothing is left of an agent that was removed", async () => {
      const removed = await agent("service", "uninstall", "--purge");
      assertMatch(removed, /^done {2}told the Manager/m);
      assertMatch(removed, /from the PATH of the system$/m);
      const agents = JSON.parse(await manager("agents", "--json"));
      assertEquals([agents.id, agents.retired], ["win-1", true]);
      for (
        const path of ["ProgramData/piri-agent", "Program Files/Piri/agent"]
      ) {
        await assertRejects(
          () => Deno.stat(host.at(path)),
          Deno.errors.NotFound,
        );
      }
    });

    await step("nothing is left of the Manager but its folder", async () => {
      const removed = await manager("service", "uninstall");
      assertMatch(removed, /^ok {4}kept the state folder/m);
      await Deno.stat(host.at("ProgramData/piri-manager/manager.db"));
      await assertRejects(
        () => Deno.stat(host.at("Program Files/Piri")),
        Deno.errors.NotFound,
      );
    });
  },
});

/** Line of a shell of Windows that sleeps for longer than the story, with this mark among its arguments. */
function asleep(mark: string): string {
  return [...windowsCommands().sleep(mark), "child"].join(" ");
}

/** Makes releases of an agent that works, and of one that does not. */
async function makeVersions(folder: TempFolder): Promise<void> {
  const windows = targetNamed("windows-x64");
  const broken: Product = {
    ...product,
    entry: "tests/foreign/broken_agent.ts",
    workers: [],
  };
  for (const [version, made] of [[GOOD, product], [BAD, broken]] as const) {
    await build([made], {
      targets: [windows],
      denort: "npm",
      out: folder.at(version),
      stamps: { version },
      nameOf: () => `program${windows.suffix}`,
      say: () => {},
    });
    await makeReleaseOf(folder.at(version), {
      version,
      target: windows.name,
      suffix: windows.suffix,
    });
  }
}

/** Runs a program under wine to its end, which must be a success, and returns what it printed. */
async function run(
  host: WineHost,
  program: string,
  args: readonly string[],
): Promise<string> {
  await using live = host.spawn(program, ...args);
  const { code, stdout } = await live.end(PATIENCE_MS);
  assertEquals(code, 0, `${live}`);
  return stdout.replaceAll("\r\n", "\n");
}
