import { fromFileUrl } from "@std/path";
import type { commandRun } from "../../lib/operations/command_run.ts";
import type { Surroundings } from "../../lib/operations/surroundings.ts";

/** End of a command of another process. */
export interface EndElsewhere {
  readonly stdout?: string;
  readonly marker?: string;
  /** Code and text of the error that it ended with. */
  readonly code?: string;
  readonly message?: string;
}

/** Folder in which Deno keeps compiled sources; a process without a home would make another one. */
const DENO_DIR = Deno.env.get("DENO_DIR") ??
  (Deno.build.os === "windows"
    ? `${Deno.env.get("LOCALAPPDATA")}\\deno`
    : `${Deno.env.get("HOME")}/${
      Deno.build.os === "darwin" ? "Library/Caches" : ".cache"
    }/deno`);

/**
 * Runs a command in a process with other variables; undefined for none. Those of this process belong to all tests that
 * run in it.
 */
export async function runElsewhere(
  variables: Readonly<Record<string, string | undefined>>,
  params: Parameters<typeof commandRun.run>[0],
  surroundings: Partial<Surroundings> = {},
): Promise<EndElsewhere> {
  const all = { ...Deno.env.toObject(), ...variables, DENO_DIR };
  const script = fromFileUrl(new URL("run_program.ts", import.meta.url));
  const json = [params, surroundings].map((each) => JSON.stringify(each));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", "--quiet", script, ...json],
    clearEnv: true,
    env: Object.fromEntries(
      Object.entries(all).filter(([, value]) => value !== undefined),
    ) as Record<string, string>,
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  if (text !== "") return JSON.parse(text);
  throw new Error(`it printed nothing: ${decoder.decode(stderr)}`);
}
