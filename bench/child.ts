import { Daemon } from "../scripts/local/daemon.ts";

/** Longest wait for an answer, in milliseconds. Thousands of agents take a while to join. */
const ANSWER_MS = 600_000;

/** Answers of a child process by question. They return as JSON. */
export type Answers = Readonly<
  Record<string, (value: number) => unknown | Promise<unknown>>
>;

/** Answers questions on standard input, one a line, until the input ends. Reports first that it is ready. */
export async function answerLines(answers: Answers): Promise<void> {
  tell("ready");
  const text = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const part of text) {
    const lines = (rest + part).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [name = "", value] = line.split(" ");
      tell(await answers[name]?.(Number(value)) ?? null);
    }
  }
}

/** A program of this folder in a process of its own, which answers questions. */
export class Child implements AsyncDisposable {
  readonly #daemon: Daemon;

  private constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  /** Starts the program, and returns once it reports that it is ready. */
  static async start(
    file: string,
    { args = [], env = {} }: {
      args?: readonly string[];
      env?: Record<string, string>;
    } = {},
  ): Promise<Child> {
    const path = new URL(file, import.meta.url).href;
    const argv = [Deno.execPath(), "run", "--allow-all", path, ...args];
    const child = new Child(new Daemon(file, { argv, env }));
    try {
      await child.#daemon.line(ANSWER_MS);
      return child;
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#daemon.pid;
  }

  /** Asks the program, and returns its answer. */
  async ask(question: string, value = 0): Promise<unknown> {
    await this.#daemon.say(`${question} ${value}`);
    return JSON.parse(await this.#daemon.line(ANSWER_MS));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#daemon.stop();
  }
}

function tell(value: unknown): void {
  // deno-lint-ignore no-console
  console.log(JSON.stringify(value));
}
