import { AssertionError } from "@std/assert";
import { freePort } from "../../scripts/local/free_port.ts";
import { connectControl, type Control } from "../../lib/api/client.ts";
import type { Agent } from "../../proto/gen/piri/control/v1/control_messages.ts";
import { CanaryWatch } from "./canary_watch.ts";
import type { Executables } from "./executables.ts";
import { editYaml, FleetAgent } from "./fleet_agent.ts";
import { type Ended, LiveProgram, until } from "./live_program.ts";
import { TempFolder } from "./temp_folder.ts";

/** The path of a Unix socket must be short, and the temporary folder's is long on macOS. */
const SHORT = Deno.build.os === "darwin" ? { dir: "/tmp" } : {};

/** Start of a fleet. */
export interface FleetOptions {
  /** Agents that are joined, running and connected once the fleet has started. */
  readonly agents?: readonly string[];
  /** Groups of agents, for those that are in some. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** Changes to the config.yaml that `init` has written. */
  readonly managerConfig?: Readonly<Record<string, unknown>>;
  /** Changes to the agent.yaml that `join` has written. */
  readonly agentConfig?: Readonly<Record<string, unknown>>;
  /** Variables of the agents in addition to the test's own. */
  readonly agentEnv?: Readonly<Record<string, string>>;
}

/** Event as `events --json` prints it. */
interface Event {
  readonly id: string;
  readonly kind: string;
  readonly agent: string | null;
  readonly message: string;
}

/** Starts a Manager and its agents as a user would, and waits until they are connected. */
export async function startFleet(
  executables: Executables,
  options: FleetOptions = {},
): Promise<Fleet> {
  await using undo = new AsyncDisposableStack();
  const folder = await TempFolder.make(SHORT);
  const fleet = undo.use(new Fleet(executables, options, folder));
  await fleet.begin();
  const { agents = [], groups = {} } = options;
  await Promise.all(
    agents.map((name) => fleet.join(name, { groups: groups[name] ?? [] })),
  );
  for (const name of agents) fleet.agent(name).start();
  await fleet.begun(agents);
  undo.move();
  return fleet;
}

/** Manager and agents as real processes in a folder of their own. They end with the test. */
export class Fleet implements AsyncDisposable {
  readonly folder: TempFolder;
  readonly #executables: Executables;
  readonly #options: FleetOptions;
  readonly #agents = new Map<string, FleetAgent>();
  readonly #programs = new AsyncDisposableStack();
  readonly #spawned: LiveProgram[] = [];
  readonly #canary = new CanaryWatch();
  #port = 0;
  /** Id of the last event of the fleet's start. */
  #lastEvent = 0;
  #serving: LiveProgram | undefined;

  constructor(
    executables: Executables,
    options: FleetOptions,
    folder: TempFolder,
  ) {
    this.#executables = executables;
    this.#options = options;
    this.folder = folder;
  }

  /** State folder of the Manager. */
  get dir(): string {
    return this.folder.at("m");
  }

  /** Port that agents dial. */
  get port(): number {
    return this.#port;
  }

  /** Process of the Manager. */
  get serving(): LiveProgram {
    if (this.#serving === undefined) throw new TypeError("not started");
    return this.#serving;
  }

  /** Creates the Manager and starts it. If another program has taken the port meanwhile, tries another one. */
  async begin(tries = 3): Promise<void> {
    this.#port = freePort();
    const listen = `127.0.0.1:${this.#port}`;
    const { code, stderr } = await this.manager(
      ...["init", "--listen", listen, "--advertise", listen],
    );
    if (code !== 0) throw new Error(`init failed: ${stderr}`);
    await this.#canary.plant(this.dir);
    await editYaml(`${this.dir}/config.yaml`, this.#options.managerConfig);
    try {
      await this.startManager();
    } catch (error) {
      const taken = this.serving.stderr.includes("Cannot listen on");
      if (!taken || tries === 1) throw error;
      await Deno.remove(this.dir, { recursive: true });
      await this.begin(tries - 1);
    }
  }

  /** Waits until these agents are connected. Events up to then are ignored from here on. */
  async begun(agents: readonly string[]): Promise<void> {
    await this.connected(...agents);
    using control = await this.control();
    const newest = { tail: 1, kinds: ["agent_*"] };
    for await (const { event } of control.events.watchEvents(newest)) {
      this.#lastEvent = Number(event?.id ?? 0);
    }
  }

  /** Runs the Manager's command line to its end. */
  async manager(...args: string[]): Promise<Ended> {
    await using program = this.spawn(...args);
    return await program.end();
  }

  /** Runs it, and parses each line of its output as JSON. */
  async json<T = Record<string, unknown>>(...args: string[]): Promise<T[]> {
    const { stdout } = await this.manager("--json", ...args);
    return stdout.split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }

  /** Starts the Manager's command line. */
  spawn(...args: string[]): LiveProgram {
    const program = this.#programs.use(
      new LiveProgram(
        `manager ${args.join(" ").slice(0, 200)}`,
        [...this.#executables.manager, "--dir", this.dir, ...args],
        { NO_COLOR: "1" },
      ),
    );
    this.#spawned.push(program);
    return program;
  }

  /** Starts the Manager in its folder, and waits until it is ready. */
  async startManager(): Promise<void> {
    this.#serving = this.spawn("serve");
    await this.#serving.printed(/^ready: .*\n/m);
  }

  /** Agent that has joined. */
  agent(name: string): FleetAgent {
    const agent = this.#agents.get(name);
    if (agent === undefined) throw new TypeError(`no agent "${name}"`);
    return agent;
  }

  /** Adds an agent's entry, and returns the token to join with. */
  async addAgent(
    name: string,
    { groups = [] }: { groups?: readonly string[] } = {},
  ): Promise<string> {
    using control = await this.control();
    const request = { id: name, groups: [...groups] };
    return (await control.agents.addAgent(request)).token;
  }

  /** Adds an agent and lets it join. */
  async join(
    name: string,
    options: { groups?: readonly string[] } = {},
  ): Promise<FleetAgent> {
    const agent = this.host(name);
    const { code, stderr } = await agent.join(
      await this.addAgent(name, options),
    );
    if (code !== 0) throw new Error(`join failed: ${stderr}`);
    await editYaml(agent.configPath, this.#options.agentConfig);
    return agent;
  }

  /** Host that may become an agent: an empty state folder. */
  host(name: string): FleetAgent {
    const agent = new FleetAgent(name, {
      argv: this.#executables.agent,
      folder: this.folder,
      env: this.#options.agentEnv ?? {},
    });
    this.#agents.set(name, agent);
    return agent;
  }

  /** Control API of the running Manager. */
  control(): Promise<Control> {
    return connectControl(this.dir);
  }

  /** Agent as the Manager knows it. */
  async known(name: string): Promise<Agent | undefined> {
    using control = await this.control();
    const { agents } = await control.agents.listAgents({});
    return agents.find(({ id }) => id === name);
  }

  /** Waits until these agents are connected. */
  async connected(...names: string[]): Promise<void> {
    for (const name of names) {
      await until(
        `"${name}" is connected`,
        async () => (await this.known(name))?.connected,
      );
    }
  }

  /** Waits until this agent is not connected. */
  async disconnected(name: string): Promise<void> {
    await until(
      `"${name}" is not connected`,
      async () => (await this.known(name))?.connected === false,
    );
  }

  /** Waits until a command, or that of a job of one agent, is in this state. */
  async state(
    id: string,
    isSo: (command: Record<string, unknown>) => boolean,
  ): Promise<void> {
    await until(`command ${id} is as expected`, async () => {
      const command = await this.#command(id);
      return command !== undefined && isSo(command);
    });
  }

  /** Command by its id, or by that of its job of one agent. */
  async #command(id: string): Promise<Record<string, unknown> | undefined> {
    const [record, entry] = await this.json("show", id);
    if (!id.startsWith("j-")) return record;
    return typeof entry?.["id"] === "string"
      ? await this.#command(entry["id"])
      : undefined;
  }

  /** Messages of the events of a kind since the fleet has started, of one agent if it is named. */
  async eventsOf(kind: string, agent?: string): Promise<string[]> {
    const events = await this.json<Event>("events", "--tail", "1000");
    return events
      .filter(({ id }) => Number(id) > this.#lastEvent)
      .filter((event) => event.kind === kind)
      .filter((event) => agent === undefined || event.agent === agent)
      .map(({ message }) => message);
  }

  /** Waits for an event of this kind, and returns its message. */
  async event(kind: string, agent?: string): Promise<string> {
    return await until(
      `event "${kind}"`,
      async () => (await this.eventsOf(kind, agent))[0],
    );
  }

  /** Secret in the Manager's store that must be found in nothing that the story leaves. */
  get canary(): string {
    return this.#canary.secret;
  }

  /** Gives the secret to commands of an agent that runs, if there is one. Returns how many have used it. */
  async useCanary(): Promise<number> {
    if (this.#serving?.isRunning !== true) return 0;
    const running = [...this.#agents.values()]
      .filter(({ programs }) => programs.some(({ isRunning }) => isRunning))
      .map(({ name }) => name);
    if (running.length === 0) return 0;
    using control = await this.control();
    return await this.#canary.use(control, running);
  }

  /** Stops the agents first: they end their commands while the Manager is there to hear it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using undo = new AsyncDisposableStack();
    undo.use(this.folder);
    undo.defer(() => this.#requireNoLeaks());
    undo.use(this.#programs);
    undo.defer(async () => void await this.#serving?.stop());
    for (const agent of this.#agents.values()) undo.defer(() => agent.stop());
    undo.defer(() => this.#canary.lookAtProcesses());
    // A Manager or an agent that a story has left unable to run it is not asked twice.
    undo.defer(async () => void await this.useCanary().catch(() => 0));
  }

  async #requireNoLeaks(): Promise<void> {
    const programs = [
      ...this.#spawned,
      ...[...this.#agents.values()].flatMap(({ programs }) => programs),
    ];
    const leaks = await this.#canary.leaks({
      folders: [this.folder.path, "/dev/shm"],
      output: programs.flatMap(({ name, stdout, stderr }) => [
        [`${name}, stdout`, stdout],
        [`${name}, stderr`, stderr],
      ]),
    });
    if (leaks.length > 0) {
      throw new AssertionError(`A secret was left:\n${leaks.join("\n")}`);
    }
  }
}
