import { AssertionError } from "@std/assert";
import { concat } from "@std/bytes/concat";

/** Longest wait for something that should come soon, in milliseconds: test machines are slow at times. */
const PATIENCE_MS = 30_000;

/** Result of a program that has ended. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
}

/** Programs that were started since `forgetPrograms`, also ended ones. */
const started: LiveProgram[] = [];

/** Begins a test: programs of earlier tests are not shown any more. */
export function forgetPrograms(): void {
  started.length = 0;
}

/** Output of all programs of a test. */
export function transcript(): string {
  return started.map((program) => program.toString()).join("\n");
}

/** Real process of a test. Its output is kept, and it ends with the test. */
export class LiveProgram implements AsyncDisposable {
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Heard;
  readonly #stderr: Heard;
  readonly #ended: Promise<Deno.CommandStatus>;
  #status: Deno.CommandStatus | undefined;

  constructor(
    name: string,
    argv: readonly string[],
    env: Readonly<Record<string, string>> = {},
    cwd = Deno.cwd(),
  ) {
    const [program = "", ...args] = argv;
    this.#name = name;
    this.#child = new Deno.Command(program, {
      args,
      env: { ...env },
      cwd,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdout = new Heard(this.#child.stdout);
    this.#stderr = new Heard(this.#child.stderr);
    this.#ended = this.#child.status.then((status) => this.#status = status);
    started.push(this);
  }

  get name(): string {
    return this.#name;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#status === undefined;
  }

  /** Standard output so far. */
  get stdout(): string {
    return this.#stdout.text;
  }

  get stderr(): string {
    return this.#stderr.text;
  }

  /** Waits until this is printed, and returns the match. */
  async printed(
    pattern: RegExp,
    stream: "stdout" | "stderr" = "stdout",
    patienceMs = PATIENCE_MS,
  ): Promise<RegExpExecArray> {
    const heard = stream === "stdout" ? this.#stdout : this.#stderr;
    const match = await heard.find(pattern, patienceMs);
    if (match !== null) return match;
    throw new AssertionError(
      `"${this.#name}" did not print ${pattern} to ${stream}\n${this}`,
    );
  }

  /** Waits for its end. Kills it if it does not end in time. */
  async end(patienceMs = PATIENCE_MS): Promise<Ended> {
    if (!await inTime(this.#ended, patienceMs)) {
      await this.kill();
      throw new AssertionError(`"${this.#name}" did not end\n${this}`);
    }
    const { code, signal } = await this.#ended;
    const [stdoutBytes] = await Promise.all([
      this.#stdout.all(),
      this.#stderr.all(),
    ]);
    const { stdout, stderr } = this;
    return { code, signal, stdout, stderr, stdoutBytes };
  }

  /** Sends a signal, unless the program has ended. */
  signal(signal: Deno.Signal): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  /** Asks it to end, and waits for it. On Windows it is killed. */
  async stop(patienceMs = PATIENCE_MS): Promise<Ended> {
    this.signal("SIGTERM");
    return await this.end(patienceMs);
  }

  /** Kills it as a crash would. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
    await Promise.all([this.#stdout.all(), this.#stderr.all()]);
  }

  toString(): string {
    const end = this.#status === undefined
      ? "runs"
      : `ended with ${this.#status.signal ?? this.#status.code}`;
    return `--- ${this.#name} (process ${this.pid}, ${end})\n` +
      `${shortened(this.stdout)}${shortened(this.stderr)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Bytes of a stream so far. */
class Heard {
  readonly #chunks: Uint8Array[] = [];
  readonly #done: Promise<void>;
  #news = Promise.withResolvers<void>();
  #isDone = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#done = this.#read(stream);
  }

  get text(): string {
    return new TextDecoder().decode(this.#bytes());
  }

  /** All bytes, once the stream has ended. */
  async all(): Promise<Uint8Array> {
    await this.#done;
    return this.#bytes();
  }

  /** Finds the first match, or null if none has come in time. */
  async find(
    pattern: RegExp,
    patienceMs: number,
  ): Promise<RegExpExecArray | null> {
    const end = performance.now() + patienceMs;
    for (;;) {
      const [isDone, news] = [this.#isDone, this.#news.promise];
      const match = pattern.exec(this.text);
      if (match !== null || isDone) return match;
      if (!await inTime(news, end - performance.now())) return null;
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      this.#chunks.push(chunk);
      this.#tell();
    }
    this.#isDone = true;
    this.#tell();
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  #bytes(): Uint8Array {
    return concat(this.#chunks);
  }
}

/** Waits until `find` returns something, and returns it. */
export async function until<T>(
  what: string,
  find: () => Promise<T | undefined | false>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) {
      throw new AssertionError(`${what}: not within ${patienceMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

const LOOK_MS = 30;

async function inTime(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Beginning and end of a long text. */
function shortened(text: string): string {
  const most = 8_000;
  if (text.length <= most) return text;
  return `${text.slice(0, most / 2)}\n[...]\n${text.slice(-most / 2)}`;
}
