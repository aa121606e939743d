import { assert } from "@std/assert";
import { join } from "@std/path";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import { messageOf } from "../../lib/base/errors.ts";
import { ROOT } from "../../scripts/build/build.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Debian with one of its managers of services. */
export interface BootedSystem {
  /** Name of its folder, which is made once and kept for later runs. */
  readonly folder: string;
  /** Packages in addition to the least that Debian has. */
  readonly packages: readonly string[];
  /** Program that starts all others, unless it is the usual one. */
  readonly init?: string;
  /** Line of a shell that succeeds once the system has started. */
  readonly hasStarted: string;
  /** Line of a shell that ends it as `poweroff` does. */
  readonly powerOff: string;
}

/** Debian as it is by default. */
export const SYSTEMD: BootedSystem = {
  folder: "booted-debian",
  packages: ["systemd", "systemd-sysv", "dbus"],
  hasStarted: "systemctl is-system-running | grep -qE '^(running|degraded)'",
  // This is SIGRTMIN+4.
  powerOff: "kill -38 1",
};

/** Debian with OpenRC, and with the init of OpenRC. */
export const OPENRC: BootedSystem = {
  folder: "booted-openrc",
  packages: ["openrc"],
  init: "/sbin/openrc-init",
  // The runlevel is named before its services have started.
  hasStarted:
    'test "$(rc-status --runlevel)" = default && ! test -e /run/openrc/rc.starting',
  powerOff: "openrc-shutdown --poweroff now",
};

/** Time that a system has to start, and time between two looks, in milliseconds. */
const BOOT_MS = 90_000;
const LOOK_MS = 200;

/** End of a line on a booted host. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Reason for which this machine cannot boot a system in a container; undefined if it can. The Debian that is booted is made
 * first, unless it is there.
 */
export async function whyNotBooted(
  system = SYSTEMD,
): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "it boots a Linux system";
  if (Deno.uid() !== 0) return "only root can boot a container";
  for (const program of ["systemd-nspawn", "debootstrap", "nsenter"]) {
    const { code } = await run("sh", "-c", `command -v ${program}`);
    if (code !== 0) return `this machine has no ${program}`;
  }
  try {
    await makeDebian(system);
  } catch (error) {
    const [line] = messageOf(error).trimEnd().split("\n").slice(-1);
    return `its packages cannot be had: ${line}`;
  }
  return undefined;
}

/** A step that the next ones depend on. */
export async function step(
  t: Deno.TestContext,
  name: string,
  body: () => Promise<void>,
): Promise<void> {
  assert(await t.step(name, body), name);
}

/** Linux system with a manager of services of its own, in a container. */
export class BootedHost implements AsyncDisposable {
  readonly #system: BootedSystem;
  readonly #folder: TempFolder;
  readonly #programs: string;
  #container: Deno.ChildProcess | undefined;
  #init = "";

  private constructor(
    system: BootedSystem,
    { folder, programs }: { folder: TempFolder; programs: string },
  ) {
    this.#system = system;
    this.#folder = folder;
    this.#programs = programs;
  }

  /** Boots a system that has a folder of programs at /mnt. */
  static async boot(programs: string, system = SYSTEMD): Promise<BootedHost> {
    const debian = await makeDebian(system);
    const folder = await TempFolder.make();
    const host = new BootedHost(system, { folder, programs });
    try {
      await mustRun("cp", "-a", "--reflink=auto", debian, folder.at("root"));
      await host.start();
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
    return host;
  }

  /** Starts the system and waits until it has started. */
  async start(): Promise<void> {
    this.#container = new Deno.Command("systemd-nspawn", {
      args: [
        "--quiet",
        "--register=no",
        "--keep-unit",
        // Its ports are its own.
        "--private-network",
        `--machine=piri-${crypto.randomUUID().slice(0, 8)}`,
        `--directory=${this.#folder.at("root")}`,
        `--bind-ro=${this.#programs}:/mnt`,
        this.#system.init ?? "--boot",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await until("the system has started", async () => {
      this.#init = await childOf(this.#container?.pid ?? 0);
      if (this.#init === "") return false;
      return (await this.sh(this.#system.hasStarted)).code === 0;
    });
  }

  /** Stops the system as `poweroff` does, and starts it again. */
  async reboot(): Promise<void> {
    await this.#stop();
    await this.start();
  }

  /** Runs a line of a shell as root of the system. */
  async sh(line: string): Promise<Ended> {
    const enter = ["-t", this.#init, "-m", "-u", "-i", "-n", "-p"];
    return await run(
      "nsenter",
      ...enter,
      "env",
      "-i",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=/root",
      "LC_ALL=C",
      "sh",
      "-c",
      `cd /; ${line}`,
    );
  }

  /** Puts a folder of this machine into the system. */
  async put(folder: string, path: string): Promise<void> {
    await mustRun("cp", "-a", folder, this.#folder.at(`root${path}`));
  }

  /** Runs lines that must succeed, and returns what the last one printed. */
  async must(...lines: readonly string[]): Promise<string> {
    let stdout = "";
    for (const line of lines) {
      const ended = await this.sh(line);
      if (ended.code !== 0) {
        throw new TypeError(`"${line}" failed: ${JSON.stringify(ended)}`);
      }
      stdout = ended.stdout;
    }
    return stdout;
  }

  /** Waits until a line of a shell succeeds. */
  async until(line: string): Promise<void> {
    await until(line, async () => (await this.sh(line)).code === 0);
  }

  async #stop(): Promise<void> {
    if (this.#container === undefined) return;
    await this.sh(this.#system.powerOff);
    await this.#container.status;
    this.#container = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Makes the Debian that is booted, unless it is there, and returns its path. */
async function makeDebian(
  { folder, packages }: BootedSystem,
): Promise<string> {
  const debian = join(ROOT, ".cache", folder);
  await Deno.mkdir(join(ROOT, ".cache"), { recursive: true });
  using lock = await Deno.open(`${debian}.lock`, { create: true, write: true });
  await lock.lock(true);
  if ((await run("test", "-d", debian)).code === 0) return debian;
  const half = `${debian}.half`;
  await mustRun("rm", "-rf", half);
  await mustRun(
    "debootstrap",
    "--variant=minbase",
    `--include=${packages.join()}`,
    "bookworm",
    half,
  );
  await Deno.rename(half, debian);
  return debian;
}

/** Process id of the only child of a process, as a text; empty if it has none. */
async function childOf(pid: number): Promise<string> {
  try {
    const path = `/proc/${pid}/task/${pid}/children`;
    return (await Deno.readTextFile(path)).trim().split(" ")[0] ?? "";
  } catch {
    return "";
  }
}

async function until(
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + BOOT_MS;
  while (!await holds()) {
    if (performance.now() > end) {
      throw new TypeError(`Not so after ${BOOT_MS / 1_000} s: ${what}`);
    }
    await sleep(systemClock, LOOK_MS);
  }
}

async function mustRun(program: string, ...args: string[]): Promise<void> {
  const ended = await run(program, ...args);
  if (ended.code === 0) return;
  throw new TypeError(`${program} failed: ${ended.stderr || ended.stdout}`);
}

async function run(program: string, ...args: string[]): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}
