import { join } from "@std/path";
import { messageOf } from "../../lib/base/errors.ts";
import { ROOT } from "../../scripts/build/build.ts";
import { run } from "../../scripts/build/run.ts";
import { hasTool } from "../../scripts/package/make.ts";
import { LiveProgram, until } from "../support/live_program.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { builtFor, FOREIGN } from "./foreign_build.ts";
import { type SmokeCommands, smokeCommands } from "./smoke_program.ts";
import type { SmokeExecutable } from "./smoke_site.ts";

/** Debian with a wine that can run our executables: that of Debian 12 cannot. */
const RELEASE = "trixie";

/** A Deno for Windows that npm has, which runs the commands of the story. It is not the one of our executables. */
const DENO = "@deno/win32-x64@2.7.7";

/** Place of this repository for programs under wine. */
const REPOSITORY = "/mnt";

/** Time that Windows has to start, in milliseconds. */
const START_MS = 120_000;

/**
 * Enters the system with wine: $1 is its folder, $2 this repository, $3 the folder of this Windows. All mounts are this
 * program's own. Windows takes the rights of files from their modes, so new ones are private.
 */
const ENTER = [
  'mount --bind "$2" "$1/mnt"',
  'mount --rbind /tmp "$1/tmp"',
  'mount --rbind /dev "$1/dev"',
  'mount -t proc proc "$1/proc"',
  "umask 077",
  'root=$1 prefix=$3; shift 3; exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/bin:/bin NO_COLOR=1 WINEDEBUG=-all WINEPREFIX="$prefix" "$@"',
].join(" && ");

/** Windows that wine makes on this machine, with folders of its own. */
export class WineHost implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #root: string;
  #holder: LiveProgram | undefined;

  private constructor(folder: TempFolder, root: string) {
    this.#folder = folder;
    this.#root = root;
  }

  /** Starts a new Windows. */
  static async start(): Promise<WineHost> {
    const host = new WineHost(await TempFolder.make(), await wineRoot());
    try {
      await host.#run("wineboot", "--init");
      // Its first services know nothing of the variables that were made after them.
      await host.#run("wineserver", "--wait");
      // Without any program, wine ends all services.
      host.#holder = host.spawn(
        ...[
          windowsDeno(),
          "eval",
          "setInterval(() => {}, 1e6); console.log('up')",
        ],
      );
      await host.#holder.printed(/up/, "stdout", START_MS);
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
    return host;
  }

  /** Starts a program for Windows by its path on this machine. */
  spawn(program: string, ...args: string[]): LiveProgram {
    const [first = "", ...enter] = this.#enter("wine", inside(program));
    return new LiveProgram(`wine ${args[0]}`, [first, ...enter, ...args]);
  }

  /** Way to start one of our executables. */
  executable(path: string): SmokeExecutable {
    return {
      argv: this.#enter("wine", inside(path)),
      pathOf: windowsPath,
      // Ctrl-C. SIGTERM would end it as a crash does.
      async stop(program) {
        program.signal("SIGINT");
        await program.end(START_MS);
      },
      // Its descendants hold its streams, too, and live on.
      async kill(program) {
        program.signal("SIGKILL");
        await until(
          "the program has ended",
          () => Promise.resolve(!program.isRunning),
        );
      },
    };
  }

  /** Path on this machine of a file on the system's drive. */
  at(path: string): string {
    return join(this.#folder.at("prefix"), "drive_c", path);
  }

  async #run(...words: [string, ...string[]]): Promise<void> {
    const [first = "", ...others] = this.#enter(...words);
    await run([first, ...others]);
  }

  #enter(...words: string[]): string[] {
    return [
      ...["unshare", "--mount", "sh", "-c", ENTER, "sh"],
      ...[this.#root, ROOT, this.#folder.at("prefix")],
      ...words,
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder?.kill();
    await this.#run("wineserver", "--kill").catch(() => {});
    await this.#run("wineserver", "--wait").catch(() => {});
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Commands of the story as programs of Windows. */
export function windowsCommands(): SmokeCommands {
  return smokeCommands(
    [windowsPath(inside(windowsDeno()))],
    windowsPath(`${REPOSITORY}/tests/foreign/smoke_program.ts`),
  );
}

/** Our executables for Windows. */
export function windowsExecutables(): ReturnType<typeof builtFor> {
  return builtFor("windows-x64");
}

/** Path of a file of this machine, or of the system with wine, as Windows names it. */
export function windowsPath(path: string): string {
  return `Z:${path.replaceAll("/", "\\")}`;
}

/** Path of a file of this repository in the system with wine. */
function inside(path: string): string {
  return path.startsWith(ROOT)
    ? join(REPOSITORY, path.slice(ROOT.length))
    : path;
}

function windowsDeno(): string {
  return join(FOREIGN, "windows-deno", "package", "deno.exe");
}

/** Reason for which this machine cannot be a Windows; undefined if it can. */
export async function whyNoWine(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "wine is made to run on a Linux system";
  if (Deno.uid() !== 0) return "only root can enter a system with wine";
  for (const program of ["debootstrap", "unshare", "chroot", "npm"]) {
    if (!await hasTool(program)) return `this machine has no ${program}`;
  }
  try {
    await wineRoot();
    await fetchDeno();
  } catch (error) {
    const [line] = messageOf(error).trimEnd().split("\n").slice(-1);
    return `wine cannot be had: ${line}`;
  }
  return undefined;
}

/** Folder of a Debian with wine. It is made the first time, which takes minutes, and kept for later runs. */
async function wineRoot(): Promise<string> {
  const root = join(FOREIGN, "wine");
  await once(root, async (half) => {
    await run(["debootstrap", "--variant=minbase", RELEASE, half]);
    await run(["cp", "/etc/resolv.conf", join(half, "etc")]);
    const install =
      "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends wine wine64 && apt-get clean";
    await run([
      ...["unshare", "--mount", "sh", "-c"],
      'mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" && exec chroot "$1" sh -c "$2"',
      ...["sh", half, install],
    ]);
  });
  return root;
}

async function fetchDeno(): Promise<void> {
  await once(join(FOREIGN, "windows-deno"), async (half) => {
    await Deno.mkdir(half, { recursive: true });
    await run(["npm", "pack", "--silent", DENO], { cwd: half });
    await run(["sh", "-c", "tar -xzf *.tgz && rm *.tgz"], { cwd: half });
  });
}

/** Makes a folder unless it is there, at once. */
async function once(
  folder: string,
  make: (half: string) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(FOREIGN, { recursive: true });
  using lock = await Deno.open(`${folder}.lock`, { create: true, write: true });
  await lock.lock(true);
  try {
    await Deno.stat(folder);
    return;
  } catch {
    // It is made now.
  }
  const half = `${folder}.half`;
  await run(["rm", "-rf", half]);
  await make(half);
  await Deno.rename(half, folder);
}
