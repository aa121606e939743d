import { systemClock } from "../../lib/base/clock.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { initState } from "../../lib/manager/state/init_state.ts";
import {
  joinManager,
  type RunningAgent,
  serveAgent,
} from "../../lib/serve_agent.ts";
import { type RunningManager, serveManager } from "../../lib/serve_manager.ts";
import { freePort } from "../../scripts/local/free_port.ts";
import { until } from "./live_program.ts";
import { TempFolder } from "./temp_folder.ts";

/** Sockets have short paths, and those of temporary folders of macOS are long. */
const SHORT = Deno.build.os === "darwin" ? { dir: "/tmp" } : {};
const options = { clock: systemClock, random: systemRandom };

/** A Manager's folder, and those of agents that have joined it. */
export class ManagedSite implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #agents: RunningAgent[] = [];
  #requests = 0;
  manager!: RunningManager;

  static async open(...agents: string[]): Promise<ManagedSite> {
    const site = new ManagedSite(await TempFolder.make(SHORT));
    const address = { host: "127.0.0.1", port: freePort() };
    await initState(site.dir, {
      ...options,
      listen: address,
      advertise: address,
    });
    await site.start();
    for (const name of agents) await site.joins(name);
    return site;
  }

  private constructor(folder: TempFolder) {
    this.#folder = folder;
  }

  get dir(): string {
    return this.#folder.at("m");
  }

  folderOf(agent: string): string {
    return this.#folder.at(agent);
  }

  async start(): Promise<void> {
    this.manager = await serveManager({ ...options, dir: this.dir });
  }

  async joins(name: string): Promise<void> {
    const { agents } = this.manager.manager;
    const token = await agents.add({ id: name, groups: [], cidrs: [] });
    await joinManager(token, { ...options, dir: this.folderOf(name) });
  }

  /** Starts an agent, and waits until it is connected. */
  async runs(name: string): Promise<void> {
    // This edition takes nothing of the process that it runs in.
    const agent = await serveAgent({
      ...options,
      dir: this.folderOf(name),
      edition: "observe",
    });
    this.#agents.push(agent);
    await this.connects(name);
  }

  async stopAgents(): Promise<void> {
    for (const agent of this.#agents.splice(0)) await agent.stop();
  }

  /** Waits until an agent is connected. */
  async connects(name: string): Promise<void> {
    await until(`${name} is connected`, () => this.isConnected(name));
  }

  /** Waits until an agent trusts this many authorities, and as many keys of Managers. */
  async trusts(name: string, count: number): Promise<void> {
    await until(`${name} trusts ${count}`, async () => {
      const { authorities, managerKeys } = JSON.parse(
        await Deno.readTextFile(`${this.folderOf(name)}/trust.json`),
      );
      return authorities.length === count && managerKeys.length === count;
    });
  }

  async isConnected(name: string): Promise<boolean> {
    const agents = await this.manager.manager.agents.list();
    return agents.some(({ id, connected }) => id === name && connected);
  }

  /** Runs a command on an agent, and returns its last state. */
  async runsEcho(agent: string): Promise<string> {
    const { commands } = this.manager.manager;
    const { commands: [started] } = await commands.run({
      agents: [agent],
      operation: "echo.Echo",
      params: '{"text":"hi"}',
      requestId: `request ${++this.#requests}`,
      requestedBy: "test",
      onDisconnect: "continue",
    });
    const ids = [{ id: started?.id ?? 0n, stdoutOffset: 0n, stderrOffset: 0n }];
    let state = "";
    const { signal } = new AbortController();
    for await (const event of commands.watch(ids, signal)) {
      if (event.kind === "command") state = event.command.state;
    }
    return state;
  }

  /** Waits until all agents but these trust the next authority. */
  async lacking(...names: string[]): Promise<void> {
    await until(`only ${names} lack`, async () => {
      const { authority, manager } = await this.manager.manager.keys.view();
      return [authority, manager].every(({ missing, nextFingerprint }) =>
        nextFingerprint === undefined || missing.join() === names.join()
      );
    });
  }

  /** Copies the Manager's folder. */
  async copy(): Promise<string> {
    const to = this.#folder.at("copy");
    await Deno.mkdir(to, { mode: 0o700 });
    for await (const { name, isFile } of Deno.readDir(this.dir)) {
      if (isFile) await Deno.copyFile(`${this.dir}/${name}`, `${to}/${name}`);
      else await Deno.mkdir(`${to}/${name}`).catch(() => {});
    }
    return to;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAgents();
    await this.manager.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}
