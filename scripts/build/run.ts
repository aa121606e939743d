import { PiriError } from "../../lib/base/errors.ts";

/** Folder and environment of a program. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/**
 * Runs a program to its end and returns its standard output.
 *
 * @throws {PiriError} NOT_FOUND if there is no such program, INTERNAL with its stderr if it fails.
 */
export async function run(
  argv: readonly string[],
  { cwd, env }: RunOptions = {},
): Promise<string> {
  const [program = "", ...args] = argv;
  const { code, stdout, stderr } = await start(program, args, { cwd, env });
  const decoder = new TextDecoder();
  if (code !== 0) {
    throw new PiriError(
      "INTERNAL",
      `Cannot run "${argv.slice(0, 2).join(" ")}": it ended with ${code}\n${
        decoder.decode(stderr).trimEnd()
      }`,
    );
  }
  return decoder.decode(stdout);
}

async function start(
  program: string,
  args: string[],
  { cwd, env }: { cwd: string | undefined; env: RunOptions["env"] },
): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command(program, {
      args,
      stdin: "null",
      ...cwd === undefined ? {} : { cwd },
      ...env === undefined ? {} : { env },
    }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot run "${program}": no such program on the PATH`,
      { cause },
    );
  }
}
