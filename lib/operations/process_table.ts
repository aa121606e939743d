import type { Clock } from "../base/clock.ts";
import type { ProcessIdentity } from "./operation.ts";
import { Slices } from "./slices.ts";
import { creationTimeOf } from "./windows_process.ts";

/** Process as the system's table lists it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** True if it has ended and its parent has not yet collected its status. */
  readonly zombie: boolean;
  /** Clock ticks from boot to its start; 0 if the system does not tell. */
  readonly startTicks: number;
}

/** Snapshot of all processes at about one moment. */
export interface ProcessTable {
  readonly processes: readonly ProcessInfo[];
  /** False if the time ran out before all processes were read. */
  readonly complete: boolean;
}

/** Longest time to read the table once, in milliseconds. */
const SCAN_MS = 1_000;

/**
 * Reads the table of all processes. Takes about 10 us for each process on Linux, and a child process on other systems;
 * never used on Windows.
 */
export async function readProcessTable(clock: Clock): Promise<ProcessTable> {
  if (Deno.build.os !== "linux") return await askPs();
  const processes: ProcessInfo[] = [];
  const end = clock.monotonic() + SCAN_MS;
  const slices = new Slices(clock);
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const process = readProcess(pid);
    if (process !== undefined) processes.push(process);
    if (!slices.isOver) continue;
    if (clock.monotonic() >= end) return { processes, complete: false };
    await slices.rest();
  }
  return { processes, complete: true };
}

/** Reads one process; undefined if there is none, or if the system is not Linux. */
export function readProcess(pid: number): ProcessInfo | undefined {
  try {
    return parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return undefined;
  }
}

/** Parses /proc/<pid>/stat: proc_pid_stat(5). A program's name may contain blanks and parentheses. */
export function parseStat(text: string): ProcessInfo {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    pid: parseInt(text),
    zombie: "ZXx".includes(fields[0] ?? ""),
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
  };
}

async function askPs(): Promise<ProcessTable> {
  try {
    const { stdout } = await new Deno.Command("/bin/ps", {
      args: ["-A", "-o", "pid=,ppid=,pgid=,stat="],
      stdin: "null",
      stderr: "null",
    }).output();
    return {
      processes: parsePs(new TextDecoder().decode(stdout)),
      complete: true,
    };
  } catch {
    // The leader's process group can still be signalled without a table.
    return { processes: [], complete: true };
  }
}

/** Parses the output of `ps -o pid=,ppid=,pgid=,stat=`. */
export function parsePs(text: string): ProcessInfo[] {
  return text.split("\n").map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length === 4)
    .map(([pid, parent, group, state]) => ({
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      session: 0,
      zombie: state?.startsWith("Z") ?? false,
      startTicks: 0,
    }));
}

/** Identity of a process that no earlier or later process with the same id has; see `startTicksOf`. */
export function identify(pid: number): ProcessIdentity {
  if (Deno.build.os === "windows") {
    return { pid, startTime: String(creationTimeOf(pid) ?? "") };
  }
  const process = readProcess(pid);
  return {
    pid,
    startTime: process === undefined ? "" : `${bootId()}:${process.startTicks}`,
  };
}

/** Start of a process that was identified since this boot; undefined for a process that cannot be alive any more. */
export function startTicksOf(
  { startTime }: ProcessIdentity,
): number | undefined {
  const [boot, ticks] = startTime.split(":");
  return startTime !== "" && boot === bootId() ? Number(ticks) : undefined;
}

/** Identifies the current boot; empty if the system does not tell. */
export function bootId(): string {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  } catch {
    return "";
  }
}
