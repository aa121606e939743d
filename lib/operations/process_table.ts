import { type Clock, sleep } from "../base/clock.ts";
import type { ProcessIdentity } from "./operation.ts";

/** One process, as the system's table has it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Ended, and waiting for its parent to ask how. */
  readonly zombie: boolean;
  /** Clock ticks from boot to its start; 0 where the system does not tell. */
  readonly startTicks: number;
}

/** The table of all processes at about one time. */
export interface ProcessTable {
  readonly processes: readonly ProcessInfo[];
  /** False if the time was over before all were looked at. */
  readonly complete: boolean;
}

/** How long one look at the table may take, in milliseconds. */
const SCAN_MS = 1_000;
/** How long a look goes on before other work of this thread has a turn, in milliseconds. */
const SLICE_MS = 10;

/** Looks at all processes. Takes about 10 us a process on Linux, and a child process elsewhere; never on Windows. */
export async function readProcessTable(clock: Clock): Promise<ProcessTable> {
  if (Deno.build.os !== "linux") return await askPs();
  const processes: ProcessInfo[] = [];
  const end = clock.monotonic() + SCAN_MS;
  let pauseAt = clock.monotonic() + SLICE_MS;
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const process = readProcess(pid);
    if (process !== undefined) processes.push(process);
    if (clock.monotonic() < pauseAt) continue;
    if (clock.monotonic() >= end) return { processes, complete: false };
    await sleep(clock, 0);
    pauseAt = clock.monotonic() + SLICE_MS;
  }
  return { processes, complete: true };
}

/** Looks at one process; undefined if there is none, or the system is not Linux. */
export function readProcess(pid: number): ProcessInfo | undefined {
  try {
    return parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return undefined;
  }
}

/** Reads /proc/<pid>/stat: proc_pid_stat(5). A program may have put blanks and parentheses into its name. */
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
    // The leader's group is still reached without a table.
    return { processes: [], complete: true };
  }
}

/** Reads what `ps -o pid=,ppid=,pgid=,stat=` prints. */
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

/** What tells this process apart from any other that had or will have its number; see `startTicksOf`. */
export function identify(pid: number): ProcessIdentity {
  const process = readProcess(pid);
  return {
    pid,
    startTime: process === undefined ? "" : `${bootId()}:${process.startTicks}`,
  };
}

/** The start of a process that was identified since this boot; undefined for one that cannot live any more. */
export function startTicksOf(
  { startTime }: ProcessIdentity,
): number | undefined {
  const [boot, ticks] = startTime.split(":");
  return startTime !== "" && boot === bootId() ? Number(ticks) : undefined;
}

/** Names the time since the system started; empty where the system does not tell. */
export function bootId(): string {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  } catch {
    return "";
  }
}
