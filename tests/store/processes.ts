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
 * Runs a process that writes, and that prints each id once its write is confirmed. Kills it after `count` ids, and
 * returns all that it printed. With "ask" it adds agents, with entries in the audit, and prints the numbers in their names.
 */
export async function writeUntilKilled(
  database: string,
  count: number,
  act: "write" | "ask" = "write",
): Promise<bigint[]> {
  const child = start(act, database);
  let printed = "";
  let killed: Promise<void> | undefined;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += part;
    if (printed.split("\n").length > count) killed ??= kill(child);
  }
  await killed;
  await child.status;
  // The text after the last line end may be part of an id; the first line only says that the database is open.
  return printed.split("\n").slice(1, -1).map(BigInt);
}
