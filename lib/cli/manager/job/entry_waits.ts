import type {
  Job,
  JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Clock } from "../../../base/clock.ts";
import { foldNames } from "../../../targets/fold_names.ts";
import { clockTime, durationText } from "../../time.ts";
import {
  awayText,
  backText,
  fateText,
  untakenText,
  waitOf,
} from "../waiting_text.ts";
import { type Wait, type WaitNews, Waits } from "../waits.ts";
import { commandOf, entryHasEnded, labelOf } from "./entry_state.ts";

/** Time in which agents that begin to wait are told in one line, in milliseconds. What is over by then is not told. */
export const GATHER_MS = 1_000;

/** Reason of the Manager for an entry that waits for its agent; others say more. */
const AWAY = "its agent is not connected";

/** Longest list of names in a line, in characters. More agents are counted. */
const MAX_NAMES = 200;

/** Lines that say why agents of a job do not go on: agents that wait alike share a line. */
export class EntryWaits {
  readonly #clock: Clock;
  readonly #say: (line: string) => Promise<void>;
  readonly #waits: Waits<number, JobEntry>;
  #job: Job | undefined;

  /** News that come within `gatherMs` milliseconds are told together. */
  constructor(clock: Clock, { gatherMs, say }: {
    readonly gatherMs: number;
    readonly say: (line: string) => Promise<void>;
  }) {
    this.#clock = clock;
    this.#say = say;
    this.#waits = new Waits(clock, {
      gatherMs,
      tell: (news) => this.#tell(news),
    });
  }

  /** Takes over the job itself: a cancel changes what becomes of its commands. */
  update(job: Job): void {
    this.#job = job;
  }

  /** Takes over an entry. */
  async change(entry: JobEntry, job: Job): Promise<void> {
    this.#job = job;
    if (entryHasEnded(entry)) this.#waits.forget(entry.position);
    else await this.#waits.change(entry.position, entry, entryWait(entry));
  }

  /** Forgets all. */
  close(): void {
    this.#waits.close();
  }

  async #tell(news: readonly WaitNews<JobEntry>[]): Promise<void> {
    const job = this.#job;
    if (job === undefined) return;
    const told = news.filter(({ phase, reason }) =>
      phase !== "over" || reason === "away"
    );
    const now = this.#clock.now();
    const alike = Map.groupBy(told, (each) => fateOf(each, job, now));
    for (const [fate, group] of alike) {
      const [first] = group;
      if (first === undefined) continue;
      const text = group.length === 1
        ? textOfOne(first, job, now)
        : textOfMany(fate, group, now);
      await this.#say(`${namesOf(group)}: ${text}`);
    }
  }
}

/** Reason why an entry that has not ended does not go on; undefined if it does. */
export function entryWait(entry: JobEntry): Wait | undefined {
  const label = labelOf(entry);
  const since = Number(entry.unreachableSinceMs ?? 0);
  if (label === "queued") {
    return { reason: "queued", since: since > 0 ? since : undefined };
  }
  if (label !== "running") return undefined;
  const { commandState: state, unreachableSinceMs } = entry;
  return waitOf({ state, unreachableSinceMs });
}

/** Fate of an entry that waits, in words that fit one agent and many. */
function fateOf(
  { phase, reason, item }: WaitNews<JobEntry>,
  job: Job,
  now: number,
): string {
  if (phase === "over") return "back";
  if (reason === "away") return fateText(commandOf(item, job), "its host");
  if (reason === "queued") return queuedFate(item, job, now);
  return "the command was sent, and its agent has not taken it yet";
}

/** Fate of an entry that waits for its agent. */
function queuedFate(
  { reason }: JobEntry,
  { createdAtMs, limits }: Job,
  now: number,
): string {
  const why = reason === "" || reason === AWAY ? "" : `${reason}, `;
  if (limits?.queueMs === undefined) return `${why}the command waits for it`;
  const until = Number(createdAtMs + limits.queueMs);
  return `${why}the command waits for it until ${clockTime(until, now)}`;
}

function textOfOne(
  news: WaitNews<JobEntry>,
  job: Job,
  now: number,
): string {
  const { phase, reason, since, item } = news;
  const passed = Math.max(now - (since ?? now), 0);
  if (phase === "over") return backText(passed);
  switch (reason) {
    case "away":
      return awayText(commandOf(item, job), now);
    case "untaken":
      return untakenText(passed);
    case "queued":
      return since === undefined
        ? `away, ${queuedFate(item, job, now)}`
        : `away for ${durationText(passed)} (last seen ${
          clockTime(since, now)
        }), ${queuedFate(item, job, now)}`;
  }
}

function textOfMany(
  fate: string,
  group: readonly WaitNews<JobEntry>[],
  now: number,
): string {
  const [first] = group;
  if (first?.phase === "over" || first?.reason === "untaken") return fate;
  const times = group.flatMap(({ since }) => since ?? []);
  if (times.length === 0) return `away, ${fate}`;
  const from = clockTime(Math.min(...times), now);
  const to = clockTime(Math.max(...times), now);
  const seen = from === to ? from : `${from} to ${to}`;
  return `away (last seen ${seen}), ${fate}`;
}

function namesOf(group: readonly WaitNews<JobEntry>[]): string {
  const names = foldNames(group.map(({ item }) => item.agent));
  return names.length <= MAX_NAMES ? names : `${group.length} agents`;
}
