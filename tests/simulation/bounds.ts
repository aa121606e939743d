import type { Journal, JournalEntry } from "../../lib/agent/journal/journal.ts";
import type { JournalLimits } from "../../lib/agent/journal/limits.ts";
import type { AgentSession } from "../../lib/agent/link/session.ts";
import { Limits } from "../../lib/base/limits.ts";
import type { ManagerCore } from "../../lib/manager/core.ts";
import type { ManagerSession } from "../../lib/manager/session.ts";
import type { Truth } from "./truth.ts";

const MIB = 1_048_576;

/** A peer for whom so many bytes wait is taken for one that does not read, and given up. */
const OUTBOX_BYTES = 8 * MIB;

/** Output of one connection that waits for the Manager's disk: what makes it wait, and the piece that did. */
export const UNWRITTEN_BYTES = 4 * MIB + Limits.chunk;

/** A command's output in memory for who watches it, and the piece that made it too much. */
const FEED_BYTES = 2 * Limits.window + Limits.chunk;

/** Messages to one connection that wait until something is recorded: a command each and its cancels. */
const UNRECORDED_MESSAGES = 2 * Limits.openCommands;

/** Requests of a connection that the Manager works on, and of an agent that wait for their answers. */
const DATA_REQUESTS = 32;

/** What a line of a journal takes besides what it carries, about, bytes. */
const LINE_BYTES = 512;

/** An agent, as far as its queues go. */
export interface BoundedAgent {
  readonly name: string;
  /** Its connection, once the Manager has let it in. */
  readonly session: AgentSession | undefined;
  readonly journal: Journal | undefined;
  /** Its disk has always done what it was told. */
  readonly diskIsGood: boolean;
  /** Whether a command's program was asked to end: from then on nothing holds its output back. */
  isEnding(entry: JournalEntry): boolean;
}

/** What bounds are made of. */
export interface BoundsOptions {
  readonly truth: Truth;
  readonly journal: JournalLimits;
  /** So many hellos are looked at at a time. */
  readonly hellos: number;
}

/** No queue is over its bound, ever: looked at after every step. */
export class Bounds {
  /** The most that there was of each kind. */
  readonly most = new Map<string, number>();
  readonly #truth: Truth;
  readonly #journal: JournalLimits;
  readonly #hellos: number;
  /** The least that each command had unacknowledged since its link is up. */
  readonly #windows = new WeakMap<JournalEntry, number>();
  /** The most that the lines of a journal which say something had to say, bytes. */
  readonly #alive = new WeakMap<Journal, number>();

  constructor({ truth, journal, hellos }: BoundsOptions) {
    this.#truth = truth;
    this.#journal = journal;
    this.#hellos = hellos;
  }

  /** What an agent holds: for its Manager, of it, and on its disk. */
  checkAgent(agent: BoundedAgent): void {
    const { name, session, journal } = agent;
    if (session !== undefined) {
      const { connection, data } = session;
      this.#atMost(OUTBOX_BYTES, connection.queuedBytes, "agent outbox", name);
      this.#atMost(DATA_REQUESTS, data.underWay, "agent data requests", name);
    }
    if (journal === undefined) return;
    const entries = journal.entries();
    this.#atMost(
      this.#journal.openCommands,
      entries.length,
      "journal entries",
      name,
    );
    for (const entry of entries) {
      this.#checkWindow(entry, agent);
      this.#checkStreams(entry, name);
    }
    if (agent.diskIsGood) this.#checkLog(journal, entries, name);
  }

  /** What a Manager holds: for its agents, of them, and for operators. */
  checkManager(core: ManagerCore): void {
    this.#atMost(this.#hellos, core.hellosInFlight, "hellos in flight", "");
    for (const session of core.sessions) this.#checkSession(session);
    for (const { agent, feed } of core.commands.all()) {
      this.#atMost(FEED_BYTES, feed.heldBytes, "feed", agent);
    }
  }

  #checkSession(session: ManagerSession): void {
    const { agent, connection, commands, data } = session;
    const { peer } = connection;
    this.#atMost(OUTBOX_BYTES, connection.queuedBytes, "manager outbox", peer);
    if (agent === undefined) return;
    const { bytes, messages } = commands.waiting(agent);
    this.#atMost(UNWRITTEN_BYTES, bytes, "unwritten output", peer);
    this.#atMost(UNRECORDED_MESSAGES, messages, "unrecorded messages", peer);
    const requests = data.underWay(agent);
    this.#atMost(DATA_REQUESTS, requests, "manager data requests", peer);
    const open = commands.countOf(agent.agent);
    this.#atMost(Limits.openCommands, open, "open commands", peer);
  }

  /** While the link is up, a program waits; what was printed without it may be more, but then does not grow. */
  #checkWindow(entry: JournalEntry, agent: BoundedAgent): void {
    if (agent.session === undefined || agent.isEnding(entry)) {
      this.#windows.delete(entry);
      return;
    }
    const unacknowledged = Number(
      entry.produced("stdout") + entry.produced("stderr") -
        entry.acknowledged("stdout") - entry.acknowledged("stderr"),
    );
    const before = this.#windows.get(entry) ?? unacknowledged;
    // A piece is kept before whoever printed it waits.
    const bound = Math.max(Limits.window, before) + Limits.chunk;
    this.#atMost(bound, unacknowledged, "unacknowledged output", agent.name);
    this.#windows.set(entry, Math.min(before, unacknowledged));
  }

  /**
   * The middle is cut by files: the one that is written and the one at the end of the head stay whole. An agent that was
   * killed may have kept a piece for which it had not cut any more.
   */
  #checkStreams(entry: JournalEntry, name: string): void {
    const { offlineOutput, window, segment } = this.#journal;
    const bound = Math.max(offlineOutput, window + segment) + segment +
      2 * Limits.chunk;
    this.#atMost(bound, entry.kept("stdout"), "journaled stdout", name);
    this.#atMost(bound, entry.kept("stderr"), "journaled stderr", name);
  }

  /** The log is rewritten when most of it is history. */
  #checkLog(
    journal: Journal,
    entries: readonly JournalEntry[],
    name: string,
  ): void {
    const now = entries.reduce(
      (sum, { command, result, processes }) =>
        sum + command.length + (result?.length ?? 0) +
        (4 + processes.length) * LINE_BYTES,
      LINE_BYTES,
    );
    const alive = Math.max(now, this.#alive.get(journal) ?? 0);
    this.#alive.set(journal, alive);
    const bound = 2 * this.#journal.compactAt + 3 * alive;
    this.#atMost(bound, journal.logSize, "journal log", name);
  }

  #atMost(bound: number, size: number, kind: string, whose: string): void {
    if (size > (this.most.get(kind) ?? -1)) this.most.set(kind, size);
    if (size <= bound) return;
    this.#truth.must(
      false,
      () => `${kind} of ${whose}: ${size} is over the bound of ${bound}`,
    );
  }
}
