import { AssertionError } from "@std/assert";
import { concat } from "@std/bytes/concat";

/** How long a test waits for what should come soon: machines that test are slow at times, milliseconds. */
const PATIENCE_MS = 30_000;

/** What a program has left that has ended. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
}

/** The programs that were started since `forgetPrograms`, ended ones too. */
const started: LiveProgram[] = [];

/** A test begins: what earlier ones have started is not its business. */
export function forgetPrograms(): void {
  started.length = 0;
}

/** What all programs of a test have printed. */
export function transcript(): string {
  return started.map((program) => program.toString()).join("\n");
}

/** A real process of a test: what it prints is kept, and it ends with the test. */
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
  ) {
    const [program = "", ...args] = argv;
    this.#name = name;
    this.#child = new Deno.Command(program, {
      args,
      env: { ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdout = new Heard(this.#child.stdout);
    this.#stderr = new Heard(this.#child.stderr);
    this.#ended = this.#child.status.then((status) => this.#status = status);
    started.push(this);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#status === undefined;
  }

  /** What it has printed so far. */
  get stdout(): string {
    return this.#stdout.text;
  }

  get stderr(): string {
    return this.#stderr.text;
  }

  /** Waits until it has printed this, and returns what matched. */
  async printed(
    pattern: RegExp,
    stream: "stdout" | "stderr" = "stdout",
  ): Promise<RegExpExecArray> {
    const heard = stream === "stdout" ? this.#stdout : this.#stderr;
    const match = await heard.find(pattern);
    if (match !== null) return match;
    throw new AssertionError(
      `"${this.#name}" did not print ${pattern} to ${stream}\n${this}`,
    );
  }

  /** Waits for its end. One that does not end in time is ended. */
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

  /** Sends a signal; none to one that has ended. */
  signal(signal: Deno.Signal): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  /** Asks it to end, and waits for that. On Windows it is ended. */
  async stop(): Promise<Ended> {
    this.signal("SIGTERM");
    return await this.end();
  }

  /** Ends it as a crash would. */
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

/** What came out of a stream so far. */
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

  /** Everything, once there is nothing more to come. */
  async all(): Promise<Uint8Array> {
    await this.#done;
    return this.#bytes();
  }

  /** The first match, or null if none has come in time. */
  async find(pattern: RegExp): Promise<RegExpExecArray | null> {
    const end = performance.now() + PATIENCE_MS;
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

/** Waits until something holds; what it found is returned. */
export async function until<T>(
  what: string,
  find: () => Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) {
      throw new AssertionError(`${what}: not within ${PATIENCE_MS} ms`);
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

/** Of what is long, the ends. */
function shortened(text: string): string {
  const most = 8_000;
  if (text.length <= most) return text;
  return `${text.slice(0, most / 2)}\n[...]\n${text.slice(-most / 2)}`;
}
