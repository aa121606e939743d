import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { MARKER_VARIABLE } from "./environment.ts";
import type { ReapReceipt } from "./operation.ts";
import {
  type ProcessInfo,
  readProcess,
  readProcessTable,
} from "./process_table.ts";
import { readTimerSlack } from "./timer_slack.ts";

/** How long processes are ended by SIGKILL, again and again, before the rest is given up. */
const KILL_MS = 2_000;

/** What SIGKILL may take, in milliseconds. */
const DYING_MS = 50;

/** How many looks in a row must see nobody, and nobody who ended meanwhile. */
const LOOKS = 3;
/** How long a tree is looked at in which nobody is seen, but many have ended since the look before. */
const DOUBT_MS = 1_000;

/** By what the processes of a command are known. */
export interface TreeRoot {
  /** The process the agent started; it leads a session and group of its own. `startTicks` as in ProcessInfo. */
  readonly leader?: { readonly pid: number; readonly startTicks: number };
  /** It may have ended long ago, and its number may have been another's since. */
  readonly leaderIsOld?: boolean;
  /** The value of MARKER_VARIABLE in their environments. */
  readonly marker: string;
  /** What they inherited, if nobody else has it. */
  readonly timerSlack?: number;
}

interface Found {
  readonly living: readonly ProcessInfo[];
  /** Some have ended since the look before that no look saw alive: what they forked may live. */
  readonly doubt: boolean;
  /** The leader's number still is its group's, or nobody's. */
  readonly groupIsOurs: boolean;
  readonly complete: boolean;
}

/**
 * The processes of one command, for ending them.
 *
 * Its own are: the leader and its group and session, whoever has the marker in the environment, whoever inherited
 * the timer slack, all their descendants, and whoever was found to be one before. Not for Windows.
 *
 * What forks faster than a table is read is in few looks. But as its ended processes become children of the agent (see
 * `becomeSubreaper`), which takes their status a second later, each of them is in the next look, as a zombie.
 */
export class ProcessTree {
  readonly #root: TreeRoot;
  readonly #clock: Clock;
  readonly #readTable: typeof readProcessTable;
  readonly #known = new Set<string>();
  /** Zombies that were looked at. */
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

  /** Sends SIGTERM to whoever has not had it yet. Returns how many lived, 1 at least if not all could be looked at. */
  async ask(): Promise<number> {
    const { living, groupIsOurs, complete } = await this.#findSurely();
    // Gone as far as can be seen; what forked at each look was missed, but cannot miss this.
    if (living.length === 0 && complete) this.#killGroup(groupIsOurs);
    const group = groupIsOurs && this.#signalled.size === 0
      ? this.#root.leader?.pid
      : undefined;
    // The group at once, so that none of it sees another end first; once only, for many take a second SIGTERM as haste.
    if (group !== undefined) send(-group, "SIGTERM");
    for (const one of living) {
      if (this.#signalled.has(keyOf(one))) continue;
      if (one.group !== group) send(one.pid, "SIGTERM");
      this.#signalled.add(keyOf(one));
    }
    return complete ? living.length : Math.max(1, living.length);
  }

  /** Sends SIGKILL to the group, without a look, which what forks without end makes slow. */
  strike(): void {
    // Once they were seen, so that whoever leaves the group stays known.
    this.#killGroup(this.#known.size > 0 && this.#leaderHoldsItsNumber());
  }

  /** Sends SIGKILL until none is left, for 2 s. Returns how many live on. */
  async end(): Promise<number> {
    const end = this.#clock.monotonic() + KILL_MS;
    const doubtEnd = end + DOUBT_MS;
    this.strike();
    let empty = 0;
    for (let pause = 2;; pause = Math.min(pause * 2, 50)) {
      const { living, doubt, groupIsOurs, complete } = await this.#find();
      // One signal for the group catches also what forks faster than a table can be read.
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
    // Whoever was sent SIGKILL last may have been the last of all.
    await sleep(this.#clock, DYING_MS);
    await this.#findSurely();
    return this.#alive.length;
  }

  /** What has been done so far; `alive` is as of the last look. */
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

  /** Looks again when it sees nobody: one that forked and ended during a look, and its child, may be in neither. */
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
    // A number is not given out again while a group has it, so a stranger under it means that the group is gone.
    const groupIsOurs = leader !== undefined &&
      (holder?.startTicks === leader.startTicks ||
        holder === undefined && !leaderIsOld);
    const members = new Map<number, ProcessInfo>();
    const rest: ProcessInfo[] = [];
    const ended: number[] = [];
    for (const one of processes) {
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
    // Whoever is seen as a zombie only stands for what it forked.
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
    // Nothing of a zombie's environment is left, and what forks without end leaves many.
    const theirs = one.zombie ? undefined : readMarker(one.pid);
    if (theirs !== undefined) return theirs === marker;
    if (leader === undefined || timerSlack === undefined) return false;
    if (readTimerSlack(one.pid) !== timerSlack) return false;
    // A child of something older with the same slack belongs to an earlier command that was left running.
    const parent = table.get(one.parent);
    return parent === undefined || parent.startTicks >= since ||
      readTimerSlack(parent.pid) !== timerSlack;
  }
}

function addDescendants(
  members: Map<number, ProcessInfo>,
  rest: readonly ProcessInfo[],
): void {
  const children = Map.groupBy(rest, (one) => one.parent);
  // A Map's iterator goes on over what is added meanwhile.
  for (const pid of members.keys()) {
    for (const child of children.get(pid) ?? []) members.set(child.pid, child);
  }
}

/** The marker in a process's environment; undefined if it has none or the environment cannot be read. */
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
    // It ended meanwhile, or it is another user's; then it stays in the receipt.
  }
}

function keyOf({ pid, startTicks }: ProcessInfo): string {
  return `${pid}:${startTicks}`;
}
