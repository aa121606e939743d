import { assertEquals, assertRejects } from "@std/assert";
import { RemovedNote } from "../lib/agent/removed_note.ts";
import { aborted } from "../lib/base/signals.ts";
import { systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import { systemRandom } from "../lib/base/random.ts";
import { initState } from "../lib/manager/state/init_state.ts";
import { joinManager, serveAgent } from "../lib/serve_agent.ts";
import { type RunningManager, serveManager } from "../lib/serve_manager.ts";
import { freePort } from "../scripts/local/free_port.ts";
import { TempFolder } from "./support/temp_folder.ts";

const SHORT = Deno.build.os === "darwin" ? { dir: "/tmp" } : {};

const options = { clock: systemClock, random: systemRandom };

/** A Manager, the folder of an agent, and tokens for agents. */
class Site implements AsyncDisposable {
  private constructor(
    readonly folder: TempFolder,
    readonly manager: RunningManager,
  ) {}

  static async start(): Promise<Site> {
    const folder = await TempFolder.make(SHORT);
    const address = { host: "127.0.0.1", port: freePort() };
    const dir = folder.at("m");
    await initState(dir, { ...options, listen: address, advertise: address });
    return new Site(folder, await serveManager({ ...options, dir }));
  }

  get agentDir(): string {
    return this.folder.at("a");
  }

  tokenOf(id: string): Promise<string> {
    return this.manager.manager.agents.add({ id, groups: [], cidrs: [] });
  }

  async join(token: string, replace = false): Promise<string> {
    const at = { ...options, dir: this.agentDir, replace };
    return (await joinManager(token, at)).name;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager.stop();
    await this.folder[Symbol.asyncDispose]();
  }
}

Deno.test("a host that has joined keeps its identity, unless it is to be replaced", async () => {
  await using site = await Site.start();
  const token = await site.tokenOf("web-1");
  const other = await site.tokenOf("web-2");
  await site.join(token);
  const { code } = await assertRejects(
    () => site.join(other),
    PiriError,
    'this host is already "web-1" of the Manager at 127.0.0.1:',
  );

  assertEquals(code, "FAILED_PRECONDITION");
  assertEquals(await site.join(token), "web-1");
  assertEquals(await site.join(other, true), "web-2");
});

Deno.test("an agent that was removed joins by another token without more ado", async () => {
  await using site = await Site.start();
  await site.join(await site.tokenOf("web-1"));
  await new RemovedNote(site.agentDir).write(0);

  assertEquals(await site.join(await site.tokenOf("web-2")), "web-2");
});

// One file of an agent in this process stays open until the process ends.
Deno.test(
  "an agent tells of its connection, and of the reason for having none",
  {
    sanitizeResources: false,
  },
  async () => {
    await using site = await Site.start();
    await site.join(await site.tokenOf("web-1"));
    const states: string[] = [];
    const [connected, gone] = [new AbortController(), new AbortController()];
    await using _agent = await serveAgent({
      ...options,
      dir: site.agentDir,
      edition: "observe",
      onLink: (state) => {
        states.push(`${state.connected} ${state.detail}`);
        (state.connected ? connected : gone).abort();
      },
    });
    await aborted(connected.signal);
    await site.manager.stop();
    await aborted(gone.signal);

    assertEquals(states.slice(0, 2), [
      `true ${site.manager.listen}`,
      'false the Manager said "the Manager stops"',
    ]);
  },
);
