import { assertEquals } from "@std/assert";
import { freePort } from "../../scripts/local/free_port.ts";
import { type Ended, LiveProgram, until } from "../support/live_program.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Executable for some system, and the way to start it on this machine. */
export interface SmokeExecutable {
  /** Words before its arguments. */
  readonly argv: readonly string[];
  /** Variables in addition to the test's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Path of a file of this machine, as the executable names it; the same by default. */
  readonly pathOf?: (path: string) => string;
  /** Asks the program to end, and waits for it. By default by SIGTERM, at which it must end with 0. */
  readonly stop?: (program: LiveProgram) => Promise<void>;
  /** Kills the program as a crash would, and waits for it; by default with SIGKILL. */
  readonly kill?: (program: LiveProgram) => Promise<void>;
}

/** Programs of a story, and the longest wait for something that should come soon. */
export interface SmokePrograms {
  readonly manager: SmokeExecutable;
  readonly agent: SmokeExecutable;
  readonly patienceMs: number;
}

/** A Manager and a host in a folder of their own, which know nothing of each other yet. All ends with the test. */
export class SmokeSite implements AsyncDisposable {
  readonly #programs: SmokePrograms;
  readonly #folder: TempFolder;
  readonly #live = new AsyncDisposableStack();
  #serving: LiveProgram | undefined;
  #running: LiveProgram | undefined;

  private constructor(programs: SmokePrograms, folder: TempFolder) {
    this.#programs = programs;
    this.#folder = folder;
  }

  static async make(programs: SmokePrograms): Promise<SmokeSite> {
    return new SmokeSite(programs, await TempFolder.make());
  }

  /** Path of a file on this machine. */
  at(name: string): string {
    return this.#folder.at(name);
  }

  /** Writes a file, and returns its path on this machine. */
  write(name: string, content: string | Uint8Array): Promise<string> {
    return this.#folder.write(name, content);
  }

  /** Path of a file as the Manager names it. */
  managerPath(name: string): string {
    return pathFor(this.#programs.manager, this.at(name));
  }

  /** Path of a file as the agent names it. */
  agentPath(name: string): string {
    return pathFor(this.#programs.agent, this.at(name));
  }

  /** Starts the Manager's command line. */
  spawn(...args: string[]): LiveProgram {
    return this.#start("manager", args);
  }

  /** Runs the Manager's command line to its end. */
  manager(...args: string[]): Promise<Ended> {
    return this.#end(this.#start("manager", args));
  }

  /** Runs it, and parses each line of its output as JSON. */
  async json(...args: string[]): Promise<Record<string, unknown>[]> {
    const { stdout } = await this.manager("--json", ...args);
    return stdout.split("\n").filter((line) => line.trim() !== "")
      .map((line) => JSON.parse(line));
  }

  /** Runs the agent's command line to its end. */
  agent(...args: string[]): Promise<Ended> {
    return this.#end(this.#start("agent", args));
  }

  /** Makes the Manager's state folder and starts it. */
  async startNew(): Promise<void> {
    const address = `127.0.0.1:${freePort()}`;
    const made = await this.manager(
      ...["init", "--listen", address, "--advertise", address],
    );
    assertEquals([made.code, made.stderr], [0, ""]);
    await this.startManager();
  }

  /** Starts the Manager in its folder, and waits until it is ready. */
  async startManager(): Promise<void> {
    this.#serving = this.spawn("serve");
    await this.printed(this.#serving, /^ready: /m);
  }

  /** Starts the agent. */
  startAgent(): void {
    this.#running = this.#start("agent", ["run"]);
  }

  /** Waits until the agent that runs has logged this. */
  async logged(pattern: RegExp): Promise<void> {
    await this.printed(running(this.#running), pattern, "stderr");
  }

  async killManager(): Promise<void> {
    await killBy(this.#programs.manager, running(this.#serving));
  }

  async killAgent(): Promise<void> {
    await killBy(this.#programs.agent, running(this.#running));
  }

  /** Asks both to end, and waits for it. */
  async stop(): Promise<void> {
    const { agent, manager } = this.#programs;
    await this.#stop(agent, running(this.#running));
    await this.#stop(manager, running(this.#serving));
  }

  /** Waits until a program prints this. */
  async printed(
    program: LiveProgram,
    pattern: RegExp,
    stream: "stdout" | "stderr" = "stdout",
  ): Promise<void> {
    await program.printed(pattern, stream, this.#programs.patienceMs);
  }

  /** Waits for the end of a program. */
  ended(program: LiveProgram): Promise<Ended> {
    return program.end(this.#programs.patienceMs);
  }

  /** Waits until something holds. */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    await until(what, holds, this.#programs.patienceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using undo = new AsyncDisposableStack();
    undo.use(this.#folder);
    undo.use(this.#live);
  }

  #start(side: "manager" | "agent", args: readonly string[]): LiveProgram {
    const executable = this.#programs[side];
    const dir = pathFor(executable, this.at(side));
    return this.#live.use(
      new LiveProgram(
        `${side} ${args.join(" ").slice(0, 200)}`,
        [...executable.argv, "--dir", dir, ...args],
        { NO_COLOR: "1", ...executable.env },
      ),
    );
  }

  async #end(program: LiveProgram): Promise<Ended> {
    await using _ = program;
    return await this.ended(program);
  }

  async #stop(how: SmokeExecutable, program: LiveProgram): Promise<void> {
    if (how.stop !== undefined) return await how.stop(program);
    const { code, signal } = await program.stop(this.#programs.patienceMs);
    assertEquals([code, signal], [0, null]);
  }
}

function pathFor({ pathOf }: SmokeExecutable, path: string): string {
  return pathOf?.(path) ?? path;
}

async function killBy(
  { kill }: SmokeExecutable,
  program: LiveProgram,
): Promise<void> {
  await (kill?.(program) ?? program.kill());
}

function running(program: LiveProgram | undefined): LiveProgram {
  if (program === undefined) throw new TypeError("not started");
  return program;
}
