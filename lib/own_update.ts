import { join } from "@std/path";
import { statfs } from "node:fs/promises";
import type { UpdateParts } from "./agent/update/update_parts.ts";
import { type Clock, systemClock } from "./base/clock.ts";
import { messageOf } from "./base/errors.ts";
import type { MinisignKey } from "./base/minisign.ts";
import { VERSION } from "./base/version.ts";
import { windowsFor } from "./own_windows.ts";
import { HostFiles } from "./service/host_files.ts";
import { openrcLog } from "./service/openrc_script.ts";
import { startLaterIfBusy } from "./operations/busy_file.ts";
import type { Ran } from "./service/host_system.ts";
import { guardStart } from "./update/guard.ts";
import { WATCH } from "./service/windows/command_line.ts";
import { guardPath, installedAt, rootOfGuard } from "./update/slot_links.ts";

/** Longest run of a new version that is tried, in milliseconds. */
const TRY_MS = 30_000;

/** Most lines of the log that a failed update tells. */
const LOG_LINES = 20;

/** Most bytes of a log file that are read for them. */
const MAX_LOG_BYTES = 65_536;

/** Facts about an agent that the host does not tell. */
export interface OwnUpdateOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly edition: "full" | "observe";
  readonly isRestarted: boolean;
  readonly isAllowed: () => boolean;
  readonly keys: () => readonly MinisignKey[];
  readonly restart: (cause: string) => void;
}

/** Parts of the agent of this process that replace it; undefined for one that runs from source. */
export async function ownUpdate(
  { edition, ...options }: OwnUpdateOptions,
): Promise<UpdateParts | undefined> {
  if (!Deno.build.standalone) return undefined;
  const executable = await Deno.realPath(Deno.execPath());
  const installed = installedAt(executable);
  const isWindows = Deno.build.os === "windows";
  return {
    ...options,
    files: isWindows ? (await windowsFor("piri-agent")).files : new HostFiles(),
    version: VERSION,
    product: edition === "full" ? "piri-agent" : "piri-agent-observe",
    target: targetOf(Deno.build),
    executable,
    installed,
    freeBytes,
    run: runBriefly,
    lastLines: isWindows
      ? () => lastLinesOf(join(options.dir, "log", "piri-agent.log"))
      : lastLines,
    ...isWindows && installed.kind === "slots"
      ? { watch: () => startGuard(installed.root, options.dir) }
      : {},
  };
}

/** Starts the guard as a process that lives on without this one. */
function startGuard(root: string, dir: string): void {
  new Deno.Command(guardPath(root), {
    args: [...WATCH, "--dir", dir],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn().unref();
}

/** Stays until the trial of the agent is over, or starts the agent again. This process is the guard of a Windows. */
export async function watchOwnTrial(dir: string): Promise<void> {
  const root = rootOfGuard(Deno.execPath());
  if (root === undefined || Deno.build.os !== "windows") return;
  const { watchTrial } = await import("./update/watch_trial.ts");
  const { watchedService } = await import("./update/watched_windows.ts");
  const { reportEvent } = await import("./service/windows/event_log.ts");
  const { services, files } = await windowsFor("piri-agent");
  // A second one would count each start twice.
  using lock = await Deno.open(join(dir, "guard.lock"), {
    create: true,
    write: true,
  });
  if (!await lock.tryLock(true)) return;
  await watchTrial({
    files,
    dir,
    root,
    clock: systemClock,
    service: watchedService("piri-agent", services),
    say: (line) => reportEvent("piri-agent", "warning", line),
  });
}

/** Looks before a start of the agent whether it has to go back. This process is the guard, or there is nothing to do. */
export async function guardOwnStart(dir: string): Promise<string> {
  const root = rootOfGuard(Deno.execPath());
  if (root === undefined) return "";
  return await guardStart({
    files: new HostFiles(),
    dir,
    root,
    now: systemClock.now(),
  });
}

/** Name of a kind of machine as releases have it. */
export function targetOf(
  { os, arch }: Pick<typeof Deno.build, "os" | "arch">,
): string {
  const system = os === "darwin" ? "macos" : os;
  return `${system}-${arch === "x86_64" ? "x64" : "arm64"}`;
}

async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Runs a program that may be broken. */
export async function runBriefly(
  program: string,
  ...args: readonly string[]
): Promise<Ran> {
  const decoder = new TextDecoder();
  try {
    const command = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      // What it is told about its service is not for it.
      env: { NOTIFY_SOCKET: "", WATCHDOG_USEC: "" },
      signal: AbortSignal.timeout(TRY_MS),
    });
    const { code, stdout, stderr } = await startLaterIfBusy(
      systemClock,
      () => command.output(),
    );
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  } catch (error) {
    return { code: 126, stdout: "", stderr: messageOf(error) };
  }
}

/** Newest lines of the log of this service: of the journal of systemd, or of the file of OpenRC. */
async function lastLines(since: number): Promise<string> {
  if (Deno.env.get("RC_SVCNAME") === "piri-agent") {
    return await lastLinesOf(openrcLog("piri-agent"));
  }
  if (!Deno.env.has("JOURNAL_STREAM")) return "";
  const isUser = Deno.uid() !== 0;
  const { code, stdout } = await runBriefly(
    "journalctl",
    ...isUser ? ["--user-unit"] : ["-u"],
    "piri-agent.service",
    `--since=@${Math.floor(since / 1_000)}`,
    "-n",
    String(LOG_LINES),
    "-o",
    "cat",
    "--no-pager",
    "-q",
  );
  return code === 0 ? stdout : "";
}

/** Last lines of a file, which may be large; empty if there is none. */
async function lastLinesOf(path: string): Promise<string> {
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    const from = Math.max(size - MAX_LOG_BYTES, 0);
    await file.seek(from, Deno.SeekMode.Start);
    const text = await new Response(file.readable).text();
    return text.split("\n").slice(-1 - LOG_LINES).join("\n");
  } catch {
    return "";
  }
}
