import { fromFileUrl } from "@std/path";

const PROGRAM = fromFileUrl(new URL("./writing_program.ts", import.meta.url));

function start(
  act: "hold" | "write" | "ask",
  database: string,
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", PROGRAM, act, database],
    stdin: "null",
    stdout: "piped",
  }).spawn();
}

/** Kills a process as a power cut would. Does nothing if it has ended. */
async function kill(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  await child.status;
}

/** Process that has opened a database as a Manager does, and does nothing with it. */
export async function startHolder(
  database: string,
): Promise<{ kill(): Promise<void> } & AsyncDisposable> {
  const child = start("hold", database);
  const output = child.stdout.getReader();
  await output.read();
  return {
    kill: () => kill(child),
    [Symbol.asyncDispose]: async () => {
      await kill(child);
      await output.cancel();
    },
  };
}

/**
 * Process that writes, and that tells each id once its write is confirmed. With "ask" it adds agents, with entries in the
 * audit, and tells the numbers in their names. Disposing kills it.
 */
export class WritingProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;
  #printed = "";
  #news = Promise.withResolvers<void>();

  constructor(database: string, act: "write" | "ask" = "write") {
    this.#child = start(act, database);
    this.#read = this.#readAll();
  }

  /** Ids that it has told. */
  get acknowledged(): bigint[] {
    // The text after the last line end may be part of an id; the first line only says that the database is open.
    return this.#printed.split("\n").slice(1, -1).map(BigInt);
  }

  /** Resolves once it has told this many ids. */
  async hasTold(count: number): Promise<void> {
    while (this.acknowledged.length < count) await this.#news.promise;
  }

  /** Kills it, and resolves once all that it told is read. */
  async [Symbol.asyncDispose](): Promise<void> {
    await kill(this.#child);
    await this.#read;
  }

  async #readAll(): Promise<void> {
    const text = this.#child.stdout.pipeThrough(new TextDecoderStream());
    for await (const part of text) {
      this.#printed += part;
      this.#news.resolve();
      this.#news = Promise.withResolvers();
    }
  }
}

/** Runs a process that writes, kills it after `count` ids, and returns all that it told. */
export async function writeUntilKilled(
  database: string,
  count: number,
  act: "write" | "ask" = "write",
): Promise<bigint[]> {
  const writing = new WritingProcess(database, act);
  await writing.hasTold(count);
  await writing[Symbol.asyncDispose]();
  return writing.acknowledged;
}
