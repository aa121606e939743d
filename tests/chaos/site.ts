import { connectControl, type Control } from "../../lib/api/client.ts";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import { run } from "../../scripts/build/run.ts";
import { freePort } from "../../scripts/local/free_port.ts";
import type { Programs } from "../../scripts/local/programs.ts";
import { TempFolder } from "../../scripts/local/temp_folder.ts";
import { until } from "../../scripts/local/until.ts";
import type { Seeded } from "../support/seeded.ts";
import { Host } from "./host.ts";
import { FaultyRelay } from "./faulty_relay.ts";

/** Longest time of a command line, in milliseconds. */
const MAX_CLI_MS = 300_000;

/** Longest wait for an agent before an order is given all the same, in milliseconds. */
const REACHABLE_MS = 15_000;
const LOOK_MS = 250;
const ANSWER_MS = 2_000;

/** Exit code and output of an ended program. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SiteOptions {
  readonly programs: Programs;
  readonly agents: number;
  readonly dice: Seeded;
}

/** An agent's host, and the line by which it reaches the Manager. */
export interface AgentHost {
  readonly name: string;
  readonly host: Host;
  readonly line: FaultyRelay;
}

/** A Manager and its agents as real processes, with a line between each agent and the Manager. */
export class Site implements AsyncDisposable {
  readonly folder: TempFolder;
  readonly manager: Host;
  readonly agents: readonly AgentHost[];
  readonly #programs: Programs;
  readonly #undo: AsyncDisposableStack;

  private constructor(
    { folder, manager, agents, programs, undo }: {
      folder: TempFolder;
      manager: Host;
      agents: readonly AgentHost[];
      programs: Programs;
      undo: AsyncDisposableStack;
    },
  ) {
    this.folder = folder;
    this.manager = manager;
    this.agents = agents;
    this.#programs = programs;
    this.#undo = undo;
  }

  /** Makes all files in a new folder, starts the programs, and waits until all agents are connected. */
  static async begin({ programs, agents, dice }: SiteOptions): Promise<Site> {
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-chaos-"));
    const copies = await copied(programs, folder);
    const clock = systemClock;
    const to = freePort();
    const lines = Array.from(
      { length: agents },
      () => undo.use(new FaultyRelay({ to, clock, dice })),
    );
    const dir = folder.at("manager");
    const advertise = `127.0.0.1:${lines[0]?.port}`;
    await run([
      ...copies.manager,
      ...["init", "--dir", dir, "--listen", `127.0.0.1:${to}`],
      ...["--advertise", advertise],
    ]);
    await replaceIn(
      `${dir}/config.yaml`,
      "pingIntervalMs: 15000",
      "pingIntervalMs: 1000",
    );
    const manager = undo.use(
      new Host("manager", {
        argv: [...copies.manager, "serve", "--dir", dir],
        ready: /^ready: /,
        clock,
      }),
    );
    await manager.start();
    const hosts = await Promise.all(
      lines.map(async (line, index): Promise<AgentHost> => {
        const name = `chaos-${index + 1}`;
        const own = folder.at(name);
        await join(name, { programs: copies, folder, dir, own });
        await replaceIn(
          `${own}/agent.yaml`,
          advertise,
          `127.0.0.1:${line.port}`,
        );
        const argv = [...copies.agent, "run", "--dir", own];
        const host = undo.use(new Host(name, { argv, clock }));
        await host.start();
        return { name, host, line };
      }),
    );
    const site = new Site({
      folder,
      manager,
      agents: hosts,
      programs: copies,
      undo: new AsyncDisposableStack(),
    });
    await site.connected();
    site.#undo.use(undo.move());
    return site;
  }

  /** All hosts. */
  get hosts(): readonly Host[] {
    return [this.manager, ...this.agents.map(({ host }) => host)];
  }

  /** Forbidden behaviour of any host. */
  get complaints(): readonly string[] {
    return this.hosts.flatMap(({ complaints }) => complaints);
  }

  /** Runs the Manager's command line to its end. */
  async cli(...args: string[]): Promise<Ended> {
    const [program = "", ...rest] = this.#programs.manager;
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...rest, "--dir", this.#dir, ...args],
      env: { NO_COLOR: "1" },
      stdin: "null",
      signal: AbortSignal.timeout(MAX_CLI_MS),
    }).output();
    const decoder = new TextDecoder();
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  }

  /** Connects to the control API of the Manager that runs now. */
  control(): Promise<Control> {
    return connectControl(this.#dir);
  }

  /** Waits until all agents are connected. */
  async connected(ms = 60_000): Promise<void> {
    await until("all agents are connected", async () => {
      using control = await this.control();
      const { agents } = await control.agents.listAgents({});
      return agents.length > 0 && agents.every(({ connected }) => connected);
    }, { ms });
  }

  /** Waits until no command is open. */
  async idle(ms: number): Promise<void> {
    await until("no command is open", async () => {
      using control = await this.control();
      const status = await control.status.getStatus({});
      return status.commandsOpen === 0;
    }, { ms });
  }

  /** Waits until an agent is connected, for a limited time. The Manager may be away. */
  async reachable(name: string): Promise<void> {
    const end = systemClock.monotonic() + REACHABLE_MS;
    while (systemClock.monotonic() < end && !await this.#isConnected(name)) {
      await sleep(systemClock, LOOK_MS);
    }
  }

  async #isConnected(name: string): Promise<boolean> {
    try {
      using control = await this.control();
      const { agents } = await control.agents.listAgents({}, {
        timeoutMs: ANSWER_MS,
      });
      return agents.some(({ id, connected }) => id === name && connected);
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync();
  }

  get #dir(): string {
    return this.folder.at("manager");
  }
}

/** Copies the executables, so that a build in the meantime does not change them. */
async function copied(
  programs: Programs,
  folder: TempFolder,
): Promise<Programs> {
  const copy = async (argv: readonly string[]) => {
    const [program = "", ...rest] = argv;
    if (rest.length > 0) return argv;
    const own = folder.at(program.split("/").at(-1) ?? "");
    await Deno.copyFile(program, own);
    return [own];
  };
  return {
    manager: await copy(programs.manager),
    agent: await copy(programs.agent),
    observer: programs.observer,
  };
}

async function join(
  name: string,
  { programs, folder, dir, own }: {
    programs: Programs;
    folder: TempFolder;
    dir: string;
    own: string;
  },
): Promise<void> {
  const token = await run(
    [...programs.manager, "agent", "add", name, "--dir", dir],
  );
  const file = folder.at(`token-${name}`);
  await Deno.writeTextFile(file, token);
  await run([
    ...programs.agent,
    ...["join", "--token-file", file, "--dir", own],
  ]);
}

async function replaceIn(
  path: string,
  old: string,
  text: string,
): Promise<void> {
  const before = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, before.replaceAll(old, text));
}
