import { systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";

/** Output and end of a program, with the time that it took. */
export interface Timed {
  /** Time from before its start until it has ended and all output has arrived, in milliseconds. */
  readonly ms: number;
  readonly code: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function timed(
  argv: readonly string[],
  { env = {} }: { env?: Record<string, string> } = {},
): Promise<Timed> {
  const [program = "", ...args] = argv;
  const command = new Deno.Command(program, {
    args,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const began = systemClock.monotonic();
  const { code, stdout, stderr } = await command.output();
  const ms = systemClock.monotonic() - began;
  return { ms, code, stdout, stderr: new TextDecoder().decode(stderr) };
}

/**
 * Runs a program that must succeed without complaint, and returns its time in milliseconds.
 *
 * @throws {PiriError} INTERNAL if it fails, or `isRight` rejects its output
 */
export async function timedWell(
  argv: readonly string[],
  { env = {}, complains = false, isRight = isNothing }: {
    env?: Record<string, string>;
    /** True if it may print to stderr: a summary, as an example. */
    complains?: boolean;
    isRight?: (stdout: Uint8Array) => boolean;
  } = {},
): Promise<number> {
  const { ms, code, stdout, stderr } = await timed(argv, { env });
  const isQuiet = complains || stderr === "";
  if (code === 0 && isQuiet && isRight(stdout)) return ms;
  throw new PiriError(
    "INTERNAL",
    `Cannot measure "${
      argv[0]
    }": it ended with ${code} and printed ${stdout.length} bytes${
      stderr === "" ? "" : `: ${stderr.trimEnd()}`
    }`,
  );
}

function isNothing(stdout: Uint8Array): boolean {
  return stdout.length === 0;
}
