import { say } from "../../scripts/build/main.ts";
import { compiled, type Executables, fromSource } from "./executables.ts";
import { forgetPrograms, transcript } from "./live_program.ts";

const WAYS = ["source", "compiled"] as const;

/** Ways to start the programs of stories: by PIRI_STORIES, or else compiled where that can be. */
const asked = askedWays(Deno.env.get("PIRI_STORIES"));

const wantsCompiled = asked?.includes("compiled") ?? true;

// Tests are registered before any of them runs, so it must be known by then if there are executables.
const built = wantsCompiled
  ? await compiled()
  : { unavailable: "PIRI_STORIES asks for the sources only" };

if (wantsCompiled && "unavailable" in built) {
  say(
    asked === undefined
      ? `Stories are told from source: ${built.unavailable}`
      : `Stories of the compiled programs are ignored: ${built.unavailable}`,
  );
}

const ways = asked ?? ("unavailable" in built ? ["source"] : ["compiled"]);

function askedWays(
  value: string | undefined,
): readonly Executables["way"][] | undefined {
  if (value === undefined || value === "") return undefined;
  if (value === "both") return WAYS;
  const way = WAYS.find((each) => each === value);
  if (way !== undefined) return [way];
  throw new TypeError(
    `PIRI_STORIES is "${value}", and must be source, compiled or both`,
  );
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
 * Registers a story: once for each way to start the programs that PIRI_STORIES names (`source`, `compiled` or `both`).
 * Without it, that is the compiled programs, or those from source where there are no compiled ones.
 *
 * When a story fails, the output of all its programs is shown.
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
  for (const way of ways) {
    const programs = way === "source" ? fromSource : built;
    const isMissing = "unavailable" in programs;
    Deno.test({
      name: `${name} (${way}${remark})`,
      ignore: ignore || isMissing,
      fn: async () => {
        if (isMissing) throw new TypeError(programs.unavailable);
        await tell(body, programs);
      },
    });
  }
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
