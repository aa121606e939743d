import { sleep, systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import { rssOf } from "./memory.ts";
import { processorUseOf } from "./processor.ts";

/** Time between two looks, in milliseconds. */
const LOOK_MS = 20;

/** A program that was watched to its end. */
export interface Watched {
  readonly stdout: string;
  readonly seconds: number;
  /** Largest resident memory. */
  readonly mostBytes: number;
  /** Processor time that it used, of all the time of one core. */
  readonly processorShare: number;
}

/**
 * Runs a program, and looks at its memory and its use of the processor.
 *
 * @throws {PiriError} INTERNAL if the program fails
 */
export async function watchProcess(
  [program = "", ...args]: readonly string[],
): Promise<Watched> {
  const began = systemClock.monotonic();
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let mostBytes = 0;
  let cpuMs = 0;
  const over = new AbortController();
  const looking = (async () => {
    while (!over.signal.aborted) {
      const seen = await look(child.pid);
      mostBytes = Math.max(mostBytes, seen.bytes);
      cpuMs = Math.max(cpuMs, seen.cpuMs);
      await sleep(systemClock, LOOK_MS, over.signal);
    }
  })();
  const { code, stdout, stderr } = await child.output();
  over.abort();
  await looking;
  const seconds = (systemClock.monotonic() - began) / 1_000;
  if (code !== 0) {
    const text = new TextDecoder().decode(stderr);
    throw new PiriError(
      "INTERNAL",
      `Cannot measure "${args.join(" ")}": it ended with ${code}: ${text}`,
    );
  }
  return {
    stdout: new TextDecoder().decode(stdout),
    seconds,
    mostBytes,
    processorShare: cpuMs / 1_000 / seconds,
  };
}

/** Memory and processor time of a process; zeros once it has ended. */
async function look(pid: number): Promise<{ bytes: number; cpuMs: number }> {
  try {
    const { cpuMs } = await processorUseOf(pid);
    return { bytes: await rssOf(pid) || 0, cpuMs };
  } catch {
    return { bytes: 0, cpuMs: 0 };
  }
}
