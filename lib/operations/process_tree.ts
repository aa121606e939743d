import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { MARKER_VARIABLE } from "./environment.ts";
import type { ReapReceipt } from "./operation.ts";
import {
  type ProcessInfo,
  readProcess,
  readProcessTable,
} from "./process_table.ts";
import { Slices } from "./slices.ts";
import { readTimerSlack } from "./timer_slack.ts";

/** Time during which SIGKILL is sent again and again before the rest is given up, in milliseconds. */
const KILL_MS = 2_000;

/** Time that a process needs to die of SIGKILL, in milliseconds. */
const DYING_MS = 50;

/** Count of looks in a row that must find no living process and no process that has just ended. */
const LOOKS = 3;
/**
 * Time to look again at a tree in which no process is seen alive but many have ended since the last look, in
 * milliseconds.
 */
const DOUBT_MS = 1_000;

/** Marks by which the processes of a command are recognized. */
export interface TreeRoot {
  /** Process that the agent started. It leads a session and group of its own. `startTicks` as in ProcessInfo. */
  readonly leader?: { readonly pid: number; readonly startTicks: number };
  /** True if the leader may have ended long ago, so that its process id may belong to another process by now. */
  readonly leaderIsOld?: boolean;
  /** Value of MARKER_VARIABLE in the environment of its processes. */
  readonly marker: string;
  /** Timer slack that its processes inherited, if no other command has the same. */
  readonly timerSlack?: number;
}

interface Found {
  readonly living: readonly ProcessInfo[];
  /** True if processes have ended that no look saw alive: their children may still live. */
  readonly doubt: boolean;
  /** True if the leader's id still names its own group, or nothing. */
  readonly groupIsOurs: boolean;
  readonly complete: boolean;
}

/**
 * Processes of one command, for ending them.
 *
 * These belong to it: the leader, its group and session; all processes with the marker in their environment or with the
 * inherited timer slack; all descendants of these; and all processes that were found to belong to it before. Not for
 * Windows.
 *
 * A chain that forks faster than we can read the process table appears in few snapshots. Its ended processes become
 * children of the agent (see `becomeSubreaper`), which collects their status a second later. So each of them appears in
 * the next snapshot, as a zombie.
 */
export class ProcessTree {
  readonly #root: TreeRoot;
  readonly #clock: Clock;
  readonly #readTable: typeof readProcessTable;
  readonly #known = new Set<string>();
  /** Zombies that were seen before. */
  readonly #ended = new Set<string>();
  readonly #signalled = new Set<string>();
  #alive: readonly number[] = [];

  constructor(
    root: TreeRoot,
    clock: Clock = systemClock,
    readTable = readProcessTable,
  ) {
    this.#root = root;
    this.#clock = clock;
    this.#readTable = readTable;
  }

  /**
   * Sends SIGTERM to each process that has not had it yet. Returns how many were alive, at least 1 if not all could be
   * read.
   */
  async ask(): Promise<number> {
    const { living, groupIsOurs, complete } = await this.#findSurely();
    // No process was found. A chain that forks during each look was missed, but it cannot escape a signal to its group.
    if (living.length === 0 && complete) this.#killGroup(groupIsOurs);
    const group = groupIsOurs && this.#signalled.size === 0
      ? this.#root.leader?.pid
      : undefined;
    // Signal the whole group at once, so that no member sees another one end first. Only once: many programs take a
    // second SIGTERM as a demand to hurry.
    if (group !== undefined) send(-group, "SIGTERM");
    for (const one of living) {
      if (this.#signalled.has(keyOf(one))) continue;
      if (one.group !== group || hasLeft(one)) send(one.pid, "SIGTERM");
      this.#signalled.add(keyOf(one));
    }
    return complete ? living.length : Math.max(1, living.length);
  }

  /** Sends SIGKILL to the group without a look at the table, which a tree that forks endlessly makes slow. */
  strike(): void {
    // Only after a look has recorded the members, so that a process that leaves the group stays known.
    this.#killGroup(this.#known.size > 0 && this.#leaderHoldsItsNumber());
  }

  /** Sends SIGKILL until no process is left, for at most 2 s. Returns how many are still alive. */
  async end(): Promise<number> {
    const end = this.#clock.monotonic() + KILL_MS;
    const doubtEnd = end + DOUBT_MS;
    this.strike();
    let empty = 0;
    for (let pause = 2;; pause = Math.min(pause * 2, 50)) {
      const { living, doubt, groupIsOurs, complete } = await this.#find();
      // One signal to the group also reaches processes that fork faster than the table can be read.
      this.#killGroup(groupIsOurs);
      for (const one of living) {
        send(one.pid, "SIGKILL");
        this.#signalled.add(keyOf(one));
      }
      const certain = living.length === 0 && !doubt && complete;
      empty = certain ? empty + 1 : 0;
      if (empty === LOOKS) return 0;
      const now = this.#clock.monotonic();
      if (!certain && now >= (living.length > 0 ? end : doubtEnd)) break;
      if (living.length > 0) await sleep(this.#clock, pause);
    }
    // The processes that were sent SIGKILL last may have been the last ones.
    await sleep(this.#clock, DYING_MS);
    await this.#findSurely();
    return this.#alive.length;
  }

  /** Receipt of all signals so far; `alive` is as of the last look. */
  receipt(): ReapReceipt {
    return { signalled: this.#signalled.size, alive: this.#alive };
  }

  #leaderHoldsItsNumber(): boolean {
    const { leader } = this.#root;
    return leader !== undefined &&
      readProcess(leader.pid)?.startTicks === leader.startTicks;
  }

  #killGroup(groupIsOurs: boolean): void {
    const { leader } = this.#root;
    if (groupIsOurs && leader !== undefined) send(-leader.pid, "SIGKILL");
  }

  /**
   * Looks again if no process was found: a process that forked and ended during a look may be missed, and its child
   * with it.
   */
  async #findSurely(): Promise<Found> {
    const end = this.#clock.monotonic() + DOUBT_MS;
    for (let empty = 0;;) {
      const found = await this.#find();
      if (found.living.length > 0) return found;
      empty = found.doubt ? 0 : empty + 1;
      if (empty === LOOKS) return found;
      if (found.doubt && this.#clock.monotonic() >= end) {
        return { ...found, complete: false };
      }
    }
  }

  async #find(): Promise<Found> {
    const { processes, complete } = await this.#readTable(this.#clock);
    const table = new Map(processes.map((one) => [one.pid, one]));
    const { leader, leaderIsOld = false } = this.#root;
    const holder = leader && table.get(leader.pid);
    // A process id is not reused while a group has it. So if a stranger has the leader's id, the group is gone.
    const groupIsOurs = leader !== undefined &&
      (holder?.startTicks === leader.startTicks ||
        holder === undefined && !leaderIsOld);
    const members = new Map<number, ProcessInfo>();
    const rest: ProcessInfo[] = [];
    const ended: number[] = [];
    // Each process costs a read or two, and other commands share this thread.
    const slices = new Slices(this.#clock);
    for (const one of processes) {
      if (slices.isOver) await slices.rest();
      if (one.pid === Deno.pid) continue;
      if (one.zombie) {
        if (this.#endedUnseen(one, table)) ended.push(one.pid);
        continue;
      }
      const ours = this.#known.has(keyOf(one)) ||
        groupIsOurs &&
          (one.group === leader?.pid || one.session === leader?.pid) ||
        this.#bearsOurSign(one, table);
      if (ours) members.set(one.pid, one);
      else rest.push(one);
    }
    addDescendants(members, rest);
    const living = [...members.values()];
    for (const one of living) this.#known.add(keyOf(one));
    // A zombie only counts for the processes that it may have forked.
    this.#alive = living.length > 0
      ? living.map((one) => one.pid)
      : ended.slice(-1);
    return { living, doubt: ended.length > 0, groupIsOurs, complete };
  }

  #endedUnseen(
    zombie: ProcessInfo,
    table: ReadonlyMap<number, ProcessInfo>,
  ): boolean {
    const key = keyOf(zombie);
    if (this.#known.has(key) || this.#ended.has(key)) return false;
    this.#ended.add(key);
    return this.#bearsOurSign(zombie, table);
  }

  #bearsOurSign(
    one: ProcessInfo,
    table: ReadonlyMap<number, ProcessInfo>,
  ): boolean {
    if (Deno.build.os !== "linux") return false;
    const { leader, marker, timerSlack } = this.#root;
    const since = leader?.startTicks ?? 0;
    if (one.startTicks < since) return false;
    // The environment of a zombie is gone, and a tree that forks endlessly leaves many zombies.
    const theirs = one.zombie ? undefined : readMarker(one.pid);
    if (theirs !== undefined) return theirs === marker;
    if (leader === undefined || timerSlack === undefined) return false;
    if (readTimerSlack(one.pid) !== timerSlack) return false;
    // A child of an older process with the same slack belongs to an earlier command that was left running.
    const parent = table.get(one.parent);
    return parent === undefined || parent.startTicks >= since ||
      readTimerSlack(parent.pid) !== timerSlack;
  }
}

/** True if a process has left its group since it was looked at: perhaps before a signal to the group. */
function hasLeft({ pid, startTicks, group }: ProcessInfo): boolean {
  const now = readProcess(pid);
  return now?.startTicks === startTicks && now.group !== group;
}

function addDescendants(
  members: Map<number, ProcessInfo>,
  rest: readonly ProcessInfo[],
): void {
  const children = Map.groupBy(rest, (one) => one.parent);
  // A Map's iterator also visits entries that are added meanwhile.
  for (const pid of members.keys()) {
    for (const child of children.get(pid) ?? []) members.set(child.pid, child);
  }
}

/** Marker in a process's environment; undefined if there is none or it cannot be read. */
function readMarker(pid: number): string | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/environ`);
    const prefix = `${MARKER_VARIABLE}=`;
    return text.split("\0").find((entry) => entry.startsWith(prefix))
      ?.slice(prefix.length);
  } catch {
    return undefined;
  }
}

function send(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // The process ended meanwhile, or it belongs to another user. Then it stays in the receipt.
  }
}

function keyOf({ pid, startTicks }: ProcessInfo): string {
  return `${pid}:${startTicks}`;
}
