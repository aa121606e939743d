import { say } from "../../scripts/build/main.ts";
import { compiled, type Executables, fromSource } from "./executables.ts";
import { forgetPrograms, transcript } from "./live_program.ts";

// Tests are registered before any of them runs, so it must be known by then if there are executables.
const built = await compiled();

if ("unavailable" in built) {
  say(`Stories of the compiled programs are ignored: ${built.unavailable}`);
}

/** Reason to skip a story that reads the system's process table; undefined where it can run. */
export const NEEDS_PROC: string | undefined = Deno.build.os === "linux"
  ? undefined
  : "it looks for processes in /proc";

/** Reason to skip a story that asks a program to end and watches it. */
export const NEEDS_SIGNALS: string | undefined = Deno.build.os === "windows"
  ? "Windows ends a process without asking it"
  : undefined;

/** Reason to skip a story about who may read a file. */
export const NEEDS_MODES: string | undefined = Deno.build.os === "windows"
  ? "files have no modes on Windows"
  : undefined;

/** Reason to skip a story that dials a Unix socket. */
export const NEEDS_UNIX_SOCKETS: string | undefined =
  Deno.build.os === "windows"
    ? "the control API has no Unix socket on Windows"
    : undefined;

/** Story: a test that runs with these programs. */
export type Story = (executables: Executables) => Promise<void>;

/**
 * Registers a story twice: once for the programs run from source, and once for the compiled ones.
 *
 * If there are no compiled programs, the second is ignored. When a story fails, the output of all its programs is
 * shown.
 */
export function story(
  name: string,
  body: Story,
  { ignored }: {
    /** Reason to skip the story on this system, if there is one. */
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
