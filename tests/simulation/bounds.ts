import type { Journal, JournalEntry } from "../../lib/agent/journal/journal.ts";
import type { JournalLimits } from "../../lib/agent/journal/limits.ts";
import type { AgentSession } from "../../lib/agent/link/session.ts";
import { formatAddress } from "../../lib/base/address.ts";
import { Limits } from "../../lib/base/limits.ts";
import type { ManagerCore } from "../../lib/manager/core.ts";
import type { ManagerSession } from "../../lib/manager/session.ts";
import type { Truth } from "./truth.ts";

const MIB = 1_048_576;

/** Bytes waiting for a peer above which the peer counts as not reading and is given up. */
const OUTBOX_BYTES = 8 * MIB;

/** Limit of one connection's output that waits for the Manager's disk: the threshold, and the piece that crossed it. */
export const UNWRITTEN_BYTES = 4 * MIB + Limits.chunk;

/** Limit of a command's output in memory for its watchers: the threshold, and the piece that crossed it. */
const FEED_BYTES = 2 * Limits.window + Limits.chunk;

/** Limit of messages to one connection that wait until something is recorded: each command and its cancels. */
const UNRECORDED_MESSAGES = 2 * Limits.openCommands;

/** Limit of requests of a connection that the Manager works on, and of an agent's requests that wait for an answer. */
const DATA_REQUESTS = 32;

/** Bytes of a journal's record besides its content, approximately. */
const LINE_BYTES = 512;

/** Agent, as far as its queues matter. */
export interface BoundedAgent {
  readonly name: string;
  /** Connection of the agent, once the Manager has admitted it. */
  readonly session: AgentSession | undefined;
  readonly journal: Journal | undefined;
  /** True if its disk has never failed. */
  readonly diskIsGood: boolean;
  /** True if a command's program was asked to end: from then on its output is not held back. */
  isEnding(entry: JournalEntry): boolean;
}

/** Parts of the bounds. */
export interface BoundsOptions {
  readonly truth: Truth;
  readonly journal: JournalLimits;
  /** Limit of hellos that are handled at the same time. */
  readonly hellos: number;
}

/** Checks that no queue is ever above its bound, after every step. */
export class Bounds {
  /** Highest count of each kind. */
  readonly most = new Map<string, number>();
  readonly #truth: Truth;
  readonly #journal: JournalLimits;
  readonly #hellos: number;
  /** Lowest count of unacknowledged bytes of each command since its link is up. */
  readonly #windows = new WeakMap<JournalEntry, number>();
  /** Highest size of the needed records of each journal, in bytes. */
  readonly #alive = new WeakMap<Journal, number>();

  constructor({ truth, journal, hellos }: BoundsOptions) {
    this.#truth = truth;
    this.#journal = journal;
    this.#hellos = hellos;
  }

  /** Checks the queues of an agent: for its Manager, for its commands, and on its disk. */
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

  /** Checks the queues of a Manager: for its agents, from its agents, and for operators. */
  checkManager(core: ManagerCore): void {
    this.#atMost(this.#hellos, core.hellosInFlight, "hellos in flight", "");
    for (const session of core.sessions) this.#checkSession(session);
    for (const { agent, feed } of core.commands.all()) {
      this.#atMost(FEED_BYTES, feed.heldBytes, "feed", agent);
    }
  }

  #checkSession(session: ManagerSession): void {
    const { agent, connection, commands, data } = session;
    const peer = formatAddress(connection.peer);
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

  /**
   * Checks the window: while the link is up, a program has to wait. Output from before may be more, but must not grow.
   */
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
    // A piece is stored before its program has to wait.
    const bound = Math.max(Limits.window, before) + Limits.chunk;
    this.#atMost(bound, unacknowledged, "unacknowledged output", agent.name);
    this.#windows.set(entry, Math.min(before, unacknowledged));
  }

  /**
   * Checks the size of the streams. Whole files are cut from the middle: the file that is written to and the last file
   * of the head stay. An agent that was killed may have stored a piece before it could cut for it.
   */
  #checkStreams(entry: JournalEntry, name: string): void {
    const { offlineOutput, window, segment } = this.#journal;
    const bound = Math.max(offlineOutput, window + segment) + segment +
      2 * Limits.chunk;
    this.#atMost(bound, entry.kept("stdout"), "journaled stdout", name);
    this.#atMost(bound, entry.kept("stderr"), "journaled stderr", name);
  }

  /** Checks that the log is rewritten when most of it is history. */
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
