import { PiriError } from "../base/errors.ts";
import { environmentFor } from "./environment.ts";
import type { Surroundings } from "./surroundings.ts";

/** Longest output of a program that tells facts, in bytes. */
export const MAX_FACT_BYTES = 16_384;

/** Longest time that such a program may take, in milliseconds. */
export const MAX_FACT_MS = 5_000;

/**
 * Runs a program that prints facts, and returns its output. It is ended if it takes longer than the limit.
 *
 * @throws {PiriError} NOT_STARTED, TIMED_OUT, INVALID_ARGUMENT
 */
export async function runFactProgram(
  path: string,
  { surroundings, timeoutMs = MAX_FACT_MS }: {
    readonly surroundings: Pick<Surroundings, "path" | "environment">;
    readonly timeoutMs?: number;
  },
): Promise<string> {
  const child = start(path, surroundings);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end(child);
  }, timeoutMs);
  try {
    const output = await readAll(child.stdout);
    // More than the limit comes: nobody reads it.
    if (output === undefined) end(child);
    const { success, code, signal } = await child.status;
    if (late) {
      throw new PiriError(
        "TIMED_OUT",
        `Cannot run "${path}": it took longer than ${timeoutMs} ms`,
      );
    }
    if (output === undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot run "${path}": it printed more than ${MAX_FACT_BYTES} bytes`,
      );
    }
    if (success) return new TextDecoder().decode(output);
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run "${path}": it ended with ${signal ?? `exit code ${code}`}`,
    );
  } finally {
    clearTimeout(timer);
  }
}

function start(
  path: string,
  surroundings: Pick<Surroundings, "path" | "environment">,
): Deno.ChildProcess {
  try {
    return new Deno.Command(path, {
      cwd: "/",
      clearEnv: true,
      env: environmentFor("facts", { surroundings }),
      detached: true,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  } catch (error) {
    throw new PiriError(
      "NOT_STARTED",
      `Cannot run "${path}": it does not start`,
      {
        cause: error,
      },
    );
  }
}

/** Ends the program and what it has started. */
function end({ pid }: Deno.ChildProcess): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** All bytes of a stream; undefined if they are more than the limit. */
async function readAll(
  stream: ReadableStream<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const all = new Uint8Array(MAX_FACT_BYTES);
  let length = 0;
  for await (const bytes of stream) {
    if (length + bytes.length > all.length) return undefined;
    all.set(bytes, length);
    length += bytes.length;
  }
  return all.subarray(0, length);
}
