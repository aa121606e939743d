import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertRejects,
} from "@std/assert";
import { systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import { systemRandom } from "../lib/base/random.ts";
import { joinManager, tryHello } from "../lib/serve_agent.ts";
import { type RunningManager, serveManager } from "../lib/serve_manager.ts";
import { until } from "./support/live_program.ts";
import { ManagedSite } from "./support/managed_site.ts";

const options = { clock: systemClock, random: systemRandom };

Deno.test("an authority is rotated once all agents trust the next one, also one that was off", async () => {
  await using site = await ManagedSite.open("web-1", "web-2");
  const before = await Deno.readTextFile(`${site.dir}/ca.pem`);
  await site.runs("web-1");
  const { keys } = site.manager.manager;

  const started = await keys.start("authority");
  await site.lacking("web-2");
  const error = await assertRejects(
    () => keys.finish("authority", []),
    PiriError,
    "web-2 does not trust the new key yet",
  );
  assertEquals(error.code, "FAILED_PRECONDITION");
  await site.runs("web-2");
  await site.lacking();
  const stolen = await site.copy();
  const { key, leftBehind } = await keys.finish("authority", []);

  assertEquals(leftBehind, []);
  assertEquals(key.fingerprint, started.nextFingerprint);
  assert(await Deno.readTextFile(`${site.dir}/ca.pem`) !== before);
  // The agents give the old one up, and come back by the new one after a restart of the Manager.
  await site.trusts("web-1", 1);
  await site.trusts("web-2", 1);
  await site.manager.stop();
  await site.start();
  await site.connects("web-1");
  await site.connects("web-2");
  // A Manager with all of the old keys is refused.
  await site.stopAgents();
  await site.manager.stop();
  await using _impostor = await serveManager({ ...options, dir: stolen });
  await assertRejects(
    () => tryHello({ ...options, dir: site.folderOf("web-1") }),
    PiriError,
    "Cannot trust 127.0.0.1",
  );
});

Deno.test("the key of a Manager is rotated, and who has the old one is left by the agents", async () => {
  await using site = await ManagedSite.open("web-1");
  const old = await Deno.readTextFile(`${site.dir}/manager.key`);
  await site.runs("web-1");
  const { keys } = site.manager.manager;

  const started = await keys.start("manager");
  await site.lacking();
  const { key } = await keys.finish("manager", []);
  assertEquals(key.fingerprint, started.nextFingerprint);
  await site.trusts("web-1", 1);
  await site.manager.stop();
  await site.start();
  await site.connects("web-1");

  await site.stopAgents();
  await site.manager.stop();
  await Deno.writeTextFile(`${site.dir}/manager.key`, old);
  await site.start();
  await assertRejects(
    () => tryHello({ ...options, dir: site.folderOf("web-1") }),
    PiriError,
    "this agent's Manager has the key",
  );
});

Deno.test("an agent that is left behind joins again, and both keys can be rotated at once", async () => {
  await using site = await ManagedSite.open("web-1", "off-1");
  await site.runs("web-1");
  const { keys } = site.manager.manager;
  await keys.start("authority");
  await keys.start("manager");
  await site.lacking("off-1");
  await assertRejects(
    () => keys.finish("manager", ["web-9"]),
    PiriError,
    'there is no agent "web-9"',
  );
  const first = await keys.finish("authority", ["off-1"]);
  const second = await keys.finish("manager", ["off-1"]);
  assertEquals([first.leftBehind, second.leftBehind], [["off-1"], ["off-1"]]);
  await assertRejects(
    () => tryHello({ ...options, dir: site.folderOf("off-1") }),
    PiriError,
    "Cannot trust",
  );

  const { agents } = site.manager.manager;
  await joinManager(await agents.renewToken("off-1"), {
    ...options,
    dir: site.folderOf("off-1"),
    replace: true,
  });
  await site.runs("off-1");
  assertEquals(await site.isConnected("web-1"), true);
  // It is told of the next one as any other.
  await keys.start("manager");
  await site.lacking();
});

Deno.test("no session and no command is lost while certificate and authority are renewed under load", async () => {
  await using site = await ManagedSite.open("web-1", "web-2");
  await site.runs("web-1");
  await site.runs("web-2");
  const { manager } = site.manager;
  const { commands, keys } = manager;
  const sessions = async () =>
    (await manager.agents.list()).map(({ since }) => since);
  const before = await sessions();
  const load = new Load(commands);

  const running = load.runUntilStopped();
  await load.hasRun(1);
  await keys.start("authority");
  await site.lacking();
  await load.hasRun(2);
  // New ones dial all the while.
  await site.joins("new-1");
  await site.lacking("new-1");
  await keys.finish("authority", ["new-1"]);
  await site.joins("new-2");
  await load.hasRun(4);
  load.stop();
  const states = await running;

  assertGreaterOrEqual(states.length, 8);
  assertEquals(new Set(states), new Set(["succeeded"]));
  assertEquals((await sessions()).slice(-2), before.slice(-2));
});

/** Commands on two agents, one after the other. */
class Load {
  readonly #commands: RunningManager["manager"]["commands"];
  #isStopped = false;
  #rounds = 0;

  constructor(commands: RunningManager["manager"]["commands"]) {
    this.#commands = commands;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Waits until it has run commands this many times. */
  async hasRun(rounds: number): Promise<void> {
    await until(
      `${rounds} rounds of commands`,
      () => Promise.resolve(this.#rounds >= rounds),
    );
  }

  /** Runs commands until it is stopped, and returns how they ended. */
  async runUntilStopped(): Promise<string[]> {
    const states: string[] = [];
    for (let count = 0; !this.#isStopped; count++) {
      const { commands } = await this.#commands.run({
        agents: ["web-1", "web-2"],
        operation: "echo.Echo",
        params: '{"text":"hi"}',
        requestId: `request ${count}`,
        requestedBy: "test",
        onDisconnect: "continue",
      });
      const ids = commands.map(({ id }) => ({
        id,
        stdoutOffset: 0n,
        stderrOffset: 0n,
      }));
      const { signal } = new AbortController();
      for await (const event of this.#commands.watch(ids, signal)) {
        if (event.kind === "command") {
          const { state } = event.command;
          states.push(
            ...state === "sent" || state === "running" ? [] : [state],
          );
        }
      }
      this.#rounds++;
    }
    return states;
  }
}
