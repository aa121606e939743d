import { say } from "../../scripts/build/main.ts";
import { compiled, type Executables, fromSource } from "./executables.ts";
import { forgetPrograms, transcript } from "./live_program.ts";

// Tests are registered before any runs, so whether there are executables must be known by then.
const built = await compiled();

if ("unavailable" in built) {
  say(`Stories of the compiled programs are ignored: ${built.unavailable}`);
}

/** Why a story that looks through the system's processes is not told here; undefined where it is. */
export const NEEDS_PROC: string | undefined = Deno.build.os === "linux"
  ? undefined
  : "it looks for processes in /proc";

/** The same for one that asks a program to end and looks at how it does. */
export const NEEDS_SIGNALS: string | undefined = Deno.build.os === "windows"
  ? "Windows ends a process without asking it"
  : undefined;

/** The same for one about who may read a file. */
export const NEEDS_MODES: string | undefined = Deno.build.os === "windows"
  ? "files have no modes on Windows"
  : undefined;

/** The same for one that dials a Unix socket. */
export const NEEDS_UNIX_SOCKETS: string | undefined =
  Deno.build.os === "windows"
    ? "the control API has no Unix socket on Windows"
    : undefined;

/** A story: what happens with these programs. */
export type Story = (executables: Executables) => Promise<void>;

/**
 * Registers a story twice, once for the programs run from source and once for the compiled ones.
 *
 * Where those cannot be had, the second is ignored. Of a story that fails, everything is shown that its programs have
 * printed.
 */
export function story(
  name: string,
  body: Story,
  { ignored }: {
    /** Why it cannot be told on this system, if it cannot. */
    readonly ignored?: string | undefined;
  } = {},
): void {
  const ignore = ignored !== undefined;
  const remark = ignore ? `, ignored because ${ignored}` : "";
  Deno.test({
    name: `${name} (source${remark})`,
    ignore,
    fn: () => tell(body, fromSource),
  });
  Deno.test({
    name: `${name} (compiled${remark})`,
    ignore: ignore || "unavailable" in built,
    fn: async () => {
      if ("unavailable" in built) throw new TypeError(built.unavailable);
      await tell(body, built);
    },
  });
}

async function tell(body: Story, executables: Executables): Promise<void> {
  forgetPrograms();
  try {
    await body(executables);
  } catch (error) {
    say(transcript());
    throw error;
  }
}
