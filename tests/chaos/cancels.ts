import { type Clock, sleep, systemClock } from "../../lib/base/clock.ts";
import type { Programs } from "../../scripts/local/programs.ts";
import { until } from "../../scripts/local/until.ts";
import { Seeded } from "../support/seeded.ts";
import { type Leftover, leftoversOf } from "./leftovers.ts";
import { Site } from "./site.ts";

/** Grace after SIGTERM, and longest delay of a tree's end beyond it, in milliseconds. */
const GRACE_MS = 1_000;
const BEYOND_MS = 2_000;

/** Longest wait for the death of a tree, with the start of the command line that cancels it, in milliseconds. */
const PATIENCE_MS = 30_000;

/** Least number of cancels for a percentile. With fewer, one slow cancel shows a busy machine and not a slow cancel. */
const ENOUGH_FOR_PERCENTILE = 100;

/** Number of live children that one round cancels. A third leave their session, environment or parent. */
const CHILDREN = 60;

/**
 * Number of rounds for each chain that changes its session at every fork, and the wait for its next fork, in
 * milliseconds.
 */
const ROUNDS_A_HOPPER = 10;
const HOPS_MS = 500;

export interface CancelsOptions {
  readonly programs: Programs;
  readonly rounds: number;
  readonly say: (line: string) => void;
  /** Ends the run after the current round. */
  readonly signal: AbortSignal;
}

/** Result of a run of cancels. */
export interface CancelsReport {
  readonly text: string;
  readonly violations: readonly string[];
  readonly logs: string;
}

/** Mark of a tree's processes, and a file that some of them write while they live. */
interface Signs {
  /** A number of seconds that no other program sleeps, in the arguments of every process of the tree. */
  readonly mark: string;
  readonly beat: string;
}

/** A tree of processes to cancel. */
interface Tree {
  readonly name: string;
  /** A line for the shell. */
  readonly line: (signs: Signs) => string;
  readonly stands: (signs: Signs) => boolean;
}

/** Forks in its group without end, three at a time, and ignores SIGTERM. */
const STORM: Tree = {
  name: "forks without end",
  line: ({ mark, beat }) =>
    [
      "trap '' TERM",
      `hop='echo >> ${beat}; sh -c "$0" "$0" ${mark} & exit'`,
      `for n in 1 2 3; do sh -c "$hop" "$hop" ${mark} & done`,
      // Processes that outlive a program which ends by itself are left alone.
      "while :; do sleep 1; done",
    ].join("\n"),
  stands: ({ beat }) => sizeOf(beat) > 50,
};

/** Live children, of which a third have left: by setsid, without their environment, or as daemons do. */
const CROWD: Tree = {
  name: `${CHILDREN} children`,
  line: ({ mark }) =>
    [
      `n=0; while [ $n -lt ${CHILDREN / 6} ]; do n=$((n + 1))`,
      `  sleep ${mark} & sleep ${mark} & (trap '' TERM; sleep ${mark}) &`,
      `  sleep ${mark} &`,
      `  if [ $((n % 2)) = 0 ]`,
      `  then setsid sleep ${mark} &`,
      `    setsid env -i /bin/sh -c "trap '' TERM; exec sleep ${mark}" &`,
      `  else env -i sleep ${mark} &`,
      `    (setsid sh -c "sleep ${mark} & exit" &)`,
      `  fi`,
      "done",
      "wait",
    ].join("\n"),
  stands: ({ mark }) =>
    leftoversOf(mark).filter(({ words }) => /^(\/bin\/)?sleep /.test(words))
      .length === CHILDREN,
};

/** Cancels trees of processes that resist, and looks for survivors. */
export async function cancels(
  { programs, rounds, say, signal }: CancelsOptions,
): Promise<CancelsReport> {
  const clock = systemClock;
  await using site = await Site.begin({
    programs,
    agents: 1,
    dice: new Seeded(1),
  });
  const violations: string[] = [];
  const times: number[] = [];
  const byTree = new Map<string, number[]>();
  for (let round = 1; round <= rounds; round++) {
    const tree = round % 2 === 0 ? CROWD : STORM;
    const { ms, complaints } = await cancelOnce(site, tree, clock);
    times.push(ms);
    byTree.set(tree.name, [...byTree.get(tree.name) ?? [], ms]);
    violations.push(
      ...complaints.map((what) => `round ${round}, ${tree.name}: ${what}`),
    );
    if (round % 20 === 0) say(`${round} cancels`);
    if (violations.length > 0 || signal.aborted) break;
  }
  const isEnough = times.length >= ENOUGH_FOR_PERCENTILE;
  if (isEnough && percentile(times, 99) > GRACE_MS + BEYOND_MS) {
    violations.push(
      `one cancel in a hundred took ${percentile(times, 99).toFixed(0)} ms`,
    );
  }
  const hoppers: string[] = [];
  for (let n = 0; n < Math.ceil(rounds / ROUNDS_A_HOPPER); n++) {
    if (signal.aborted) break;
    const { text, complaints } = await cancelHopper(site, clock);
    hoppers.push(text);
    violations.push(...complaints);
  }
  violations.push(...site.complaints);
  return {
    text: [
      `${times.length} cancels, from their record until all were dead and the end was recorded, ${GRACE_MS} ms of which are grace:`,
      ...[...byTree].map(([name, times]) => `  ${name}: ${timesText(times)}`),
      `  all: ${timesText(times)}`,
      `${hoppers.length} chains that leave their session at each fork:`,
      ...Map.groupBy(hoppers, (text) => text).entries().map(
        ([text, { length }]) => `  ${length} ${text}`,
      ),
    ].join("\n"),
    violations,
    logs: violations.length === 0
      ? ""
      : site.hosts.map(({ log }) => log).join("\n"),
  };
}

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly cancelRequestedAt: string | null;
  readonly finishedAt: string | null;
  readonly reaped: {
    readonly signalled: number;
    readonly alive: readonly number[];
  } | null;
}

/**
 * Cancels a tree. Its time is from the Manager's record of the cancel to that of the command's end, or to the last look
 * that found a process if that came later. The start of the command line is not in it: beside forks without end it may take
 * longer than the cancel itself.
 */
async function cancelOnce(
  site: Site,
  tree: Tree,
  clock: Clock,
): Promise<{ ms: number; complaints: string[] }> {
  const signs = newSigns(site);
  const id = await start(site, tree.line(signs));
  await until(`"${tree.name}" stands`, () => tree.stands(signs));
  const cancelled = site.cli("cancel", id, "--grace", `${GRACE_MS}ms`);
  let left: Leftover[] = [];
  let aliveAt = 0;
  const isOver = () => {
    const lookedAt = clock.now();
    if (isDead(signs)) return true;
    aliveAt = lookedAt;
    return false;
  };
  try {
    await until("all are dead", isOver, { ms: PATIENCE_MS });
  } catch {
    left = leftoversOf(signs.mark);
  }
  await cancelled;
  const { state, reaped, cancelRequestedAt, finishedAt } = await end(site, id);
  left = left.concat(leftoversOf(signs.mark));
  const ms = Math.max(timeOf(finishedAt), aliveAt) - timeOf(cancelRequestedAt);
  return {
    ms,
    complaints: [
      ...left.map(({ pid, words }) => `an orphan, ${pid}: ${words}`),
      ...state === "cancelled" ? [] : [`it is ${state}`],
      ...Number.isNaN(ms) ? ["its cancel or its end has no time"] : [],
      ...reaped?.alive.length === 0
        ? []
        : [`its receipt is ${JSON.stringify(reaped)}`],
    ],
  };
}

/** Cancels a chain that nobody can surely end from outside: its receipt has to tell the outcome. */
async function cancelHopper(
  site: Site,
  clock: Clock,
): Promise<{ text: string; complaints: string[] }> {
  const { mark, beat } = newSigns(site);
  const stop = site.folder.at(`stop-${mark}`);
  const hop = site.folder.at("hop.sh");
  await Deno.writeTextFile(
    hop,
    `[ -e "$2" ] && exit; echo >> "$3"\nsetsid env -i /bin/sh '${hop}' "$@" &\n`,
  );
  try {
    const id = await start(
      site,
      `setsid sh '${hop}' ${mark} '${stop}' '${beat}' & while :; do sleep 1; done`,
    );
    await until("it runs", () => sizeOf(beat) > 5);
    await site.cli("cancel", id, "--grace", `${GRACE_MS}ms`);
    const { state, reaped } = await end(site, id);
    const before = sizeOf(beat);
    await sleep(clock, HOPS_MS);
    const lives = sizeOf(beat) > before;
    const isTold = (reaped?.alive.length ?? 0) > 0;
    return {
      text: `${lives ? "live on" : "are ended"}, ${
        isTold ? "and their receipts name them" : "of which nothing is left"
      }`,
      complaints: [
        ...state === "cancelled" ? [] : [`the chain is ${state}`],
        ...isTold === lives ? [] : [
          `the chain's receipt is wrong: ${JSON.stringify(reaped)}, and ${
            sizeOf(beat) - before
          } hops came after it`,
        ],
      ],
    };
  } finally {
    await Deno.writeTextFile(stop, "");
    await until(
      "the chain is at its end",
      () => leftoversOf(mark).length === 0,
    );
  }
}

async function start(site: Site, line: string): Promise<string> {
  const { stdout: job } = await site.cli(
    ...["run", "chaos-1", "--detach", "--shell", line],
  );
  let id: string | undefined;
  await until("the job has made its command", async () => {
    const { stdout } = await site.cli("--json", "show", job.trim());
    const [, entry = ""] = stdout.split("\n");
    id = entry === "" ? undefined : JSON.parse(entry).id ?? undefined;
    return id !== undefined;
  });
  return id ?? "";
}

/** Waits until a command has ended, and returns its record. */
async function end(site: Site, id: string): Promise<Shown> {
  await site.cli("--json", "watch", id);
  const { stdout } = await site.cli("--json", "show", id);
  return JSON.parse(stdout);
}

function timeOf(text: string | null): number {
  return text === null ? NaN : Date.parse(text);
}

function newSigns({ folder }: Site): Signs {
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  const mark = `6000.${String(number).padStart(10, "0")}`;
  return { mark, beat: folder.at(`beat-${mark}`) };
}

/** True if several looks find no process, and the beat has not grown meanwhile: fast forks escape most looks. */
function isDead({ mark, beat }: Signs): boolean {
  const before = sizeOf(beat);
  for (let look = 0; look < 5; look++) {
    if (leftoversOf(mark).length > 0) return false;
  }
  return sizeOf(beat) === before;
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

function timesText(times: readonly number[]): string {
  const [p50, p99] = [50, 99].map((p) => percentile(times, p).toFixed(0));
  return `p50 ${p50} ms, p99 ${p99} ms, most ${
    Math.max(...times).toFixed(0)
  } ms`;
}

/** Percentile by the nearest rank. */
function percentile(times: readonly number[], percent: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  const rank = Math.ceil(percent / 100 * sorted.length);
  return sorted[Math.max(rank, 1) - 1] ?? 0;
}
