import { fromFileUrl, join } from "@std/path";
import { LiveProgram } from "../support/live_program.ts";
import type { Fleet } from "../support/fleet.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const AGENT = join(ROOT, "examples", "agent-python", "agent.py");

/** Pythons to try: Debian's own first, because only it sees Debian's packages. */
const PYTHONS = ["/usr/bin/python3", "python3"];

/** Python that can run the example. */
export interface Python {
  readonly program: string;
}

/** Finds a Python with protobuf, and protoc; otherwise returns the reason why the example cannot run here. */
export async function findPython(): Promise<Python | { missing: string }> {
  if (Deno.build.os !== "linux") {
    return { missing: "the example in Python is for Linux" };
  }
  if (!await runs("protoc", "--version")) {
    return { missing: "there is no protoc" };
  }
  for (const program of PYTHONS) {
    if (await runs(program, "-c", "import google.protobuf")) return { program };
  }
  return { missing: "no python3 here has protobuf (python3-protobuf)" };
}

async function runs(program: string, ...args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

/** Example in Python as an agent of a fleet. Its messages are generated from our schema. */
export class PythonAgent implements AsyncDisposable {
  readonly #python: Python;
  readonly #fleet: Fleet;
  readonly #name: string;
  readonly #started = new AsyncDisposableStack();

  /** Agent that has its token and has not started. */
  static async join(
    fleet: Fleet,
    name: string,
    python: Python,
  ): Promise<PythonAgent> {
    const agent = new PythonAgent(fleet, name, python);
    await Deno.mkdir(agent.#messages);
    await agent.#finished("protoc", [
      `--python_out=${agent.#messages}`,
      `--proto_path=${join(ROOT, "proto")}`,
      "piri/agent/v1/agent.proto",
    ]);
    const token = await fleet.addAgent(name);
    await agent.#finished(python.program, [AGENT, "join", token, agent.dir]);
    return agent;
  }

  private constructor(fleet: Fleet, name: string, python: Python) {
    this.#fleet = fleet;
    this.#name = name;
    this.#python = python;
  }

  get dir(): string {
    return this.#fleet.folder.at(`py-${this.#name}`);
  }

  get #messages(): string {
    return this.#fleet.folder.at(`messages-${this.#name}`);
  }

  /** Makes it dial another address than its token says. */
  async dials(address: string): Promise<void> {
    const path = join(this.dir, "agent.json");
    const config = JSON.parse(await Deno.readTextFile(path));
    config.addresses = [address];
    await Deno.writeTextFile(path, JSON.stringify(config));
  }

  /** Starts it and waits until it is connected. */
  async start(): Promise<LiveProgram> {
    const agent = this.#started.use(
      new LiveProgram(
        `${this.#name} in Python`,
        [this.#python.program, "-u", AGENT, "run", this.dir],
        { PYTHONPATH: this.#messages, PYTHONDONTWRITEBYTECODE: "1" },
      ),
    );
    await agent.printed(/^connected to /m, "stderr");
    await this.#fleet.connected(this.#name);
    return agent;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#started.disposeAsync();
  }

  async #finished(program: string, args: string[]): Promise<void> {
    await using run = new LiveProgram(program, [program, ...args], {
      PYTHONPATH: this.#messages,
      PYTHONDONTWRITEBYTECODE: "1",
    });
    const { code, stderr } = await run.end();
    if (code !== 0) throw new Error(`${program} failed: ${stderr}`);
  }
}
