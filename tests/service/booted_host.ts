import { assert } from "@std/assert";
import { join } from "@std/path";
import { sleep, systemClock } from "../../lib/base/clock.ts";
import { ROOT } from "../../scripts/build/build.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Folder of the Debian that is booted: made once, and kept for later runs. */
const DEBIAN = join(ROOT, ".cache", "booted-debian");

/** Time that systemd has to start, and time between two looks, in milliseconds. */
const BOOT_MS = 90_000;
const LOOK_MS = 200;

/** States of a system that has started. */
const STARTED = /^(running|degraded)/;

/** End of a line on a booted host. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Reason for which this machine cannot boot a system in a container; undefined if it can. */
export async function whyNotBooted(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "it boots a Linux system";
  if (Deno.uid() !== 0) return "only root can boot a container";
  for (const program of ["systemd-nspawn", "debootstrap", "nsenter"]) {
    const { code } = await run("sh", "-c", `command -v ${program}`);
    if (code !== 0) return `this machine has no ${program}`;
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

/** Linux system with a systemd of its own, in a container. */
export class BootedHost implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #programs: string;
  #container: Deno.ChildProcess | undefined;
  #init = "";

  private constructor(folder: TempFolder, programs: string) {
    this.#folder = folder;
    this.#programs = programs;
  }

  /** Boots a system that has a folder of programs at /mnt. */
  static async boot(programs: string): Promise<BootedHost> {
    await makeDebian();
    const folder = await TempFolder.make();
    const host = new BootedHost(folder, programs);
    try {
      await mustRun("cp", "-a", "--reflink=auto", DEBIAN, folder.at("root"));
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
        "--boot",
        // Its ports are its own.
        "--private-network",
        `--machine=piri-${crypto.randomUUID().slice(0, 8)}`,
        `--directory=${this.#folder.at("root")}`,
        `--bind-ro=${this.#programs}:/mnt`,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await until("the system has started", async () => {
      this.#init = await childOf(this.#container?.pid ?? 0);
      if (this.#init === "") return false;
      const { stdout } = await this.sh("systemctl is-system-running");
      return STARTED.test(stdout);
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
    // The container's init powers off at this signal, which is that of SIGRTMIN+4.
    await run("kill", "-s", "38", this.#init);
    await this.#container.status;
    this.#container = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Makes the Debian that is booted, unless it is there. */
async function makeDebian(): Promise<void> {
  await Deno.mkdir(join(ROOT, ".cache"), { recursive: true });
  using lock = await Deno.open(`${DEBIAN}.lock`, { create: true, write: true });
  await lock.lock(true);
  if ((await run("test", "-d", DEBIAN)).code === 0) return;
  const half = `${DEBIAN}.half`;
  await mustRun("rm", "-rf", half);
  await mustRun(
    "debootstrap",
    "--variant=minbase",
    "--include=systemd,systemd-sysv,dbus",
    "bookworm",
    half,
  );
  await Deno.rename(half, DEBIAN);
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
