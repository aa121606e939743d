import { parseDocument } from "yaml";
import { type Ended, LiveProgram } from "./live_program.ts";
import type { TempFolder } from "./temp_folder.ts";

/** Host with its own state folder. */
export class FleetAgent {
  readonly name: string;
  readonly #argv: readonly string[];
  readonly #folder: TempFolder;
  readonly #env: Readonly<Record<string, string>>;
  /** All programs that it has run, the command line too. */
  readonly programs: LiveProgram[] = [];
  #running: LiveProgram | undefined;

  constructor(
    name: string,
    { argv, folder, env }: {
      argv: readonly string[];
      folder: TempFolder;
      env: Readonly<Record<string, string>>;
    },
  ) {
    this.name = name;
    this.#argv = argv;
    this.#folder = folder;
    this.#env = env;
  }

  get dir(): string {
    return this.#folder.at(`a-${this.name}`);
  }

  get configPath(): string {
    return `${this.dir}/agent.yaml`;
  }

  /** Process of `piri-agent run`. */
  get running(): LiveProgram {
    if (this.#running === undefined) throw new TypeError("not started");
    return this.#running;
  }

  /** Starts `piri-agent run`. */
  start(): LiveProgram {
    this.#running = this.#spawn(["run"]);
    return this.#running;
  }

  /** Asks the process to end, and waits for it. */
  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  /** Kills the process as a crash would: the programs that it has started live on. */
  async kill(): Promise<void> {
    await this.running.kill();
  }

  async join(token: string): Promise<Ended> {
    const file = await this.#folder.write(`token-${this.name}`, token);
    return await this.cli("join", "--token-file", file);
  }

  /** Runs the agent's command line to its end. */
  async cli(...args: string[]): Promise<Ended> {
    await using program = this.#spawn(args);
    return await program.end();
  }

  /** Changes entries of agent.yaml. */
  async configure(values: Readonly<Record<string, unknown>>): Promise<void> {
    await editYaml(this.configPath, values);
  }

  #spawn(args: readonly string[]): LiveProgram {
    const program = new LiveProgram(
      `agent ${this.name}: ${args.join(" ").slice(0, 200)}`,
      [...this.#argv, "--dir", this.dir, ...args],
      this.#env,
    );
    this.programs.push(program);
    return program;
  }
}

/** Changes entries of a YAML file. */
export async function editYaml(
  path: string,
  values: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const document = parseDocument(await Deno.readTextFile(path));
  for (const [key, value] of Object.entries(values)) document.set(key, value);
  await Deno.writeTextFile(path, document.toString({ lineWidth: 0 }));
}
