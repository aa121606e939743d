import {
  OnDisconnect,
  readCommand,
  readCommandResult,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { JournalEntry } from "../../lib/agent/journal/journal.ts";
import type { BoundedAgent } from "./bounds.ts";
import type { Truth } from "./truth.ts";
import { decode } from "../../lib/protobuf/protobuf_reader.ts";

/**
 * Time that an agent may take to say Bye and to handle all received messages before it counts its link as lost, in
 * milliseconds.
 */
const SETTLES_MS = 10_000;

/** Agent, as far as its link and its commands matter. */
export interface LinkedAgent
  extends Pick<BoundedAgent, "name" | "journal" | "isEnding"> {
  /** Session of any type; undefined while there is no link. */
  readonly session: unknown;
  readonly standsStill: boolean;
}

/** Limits of a command without a link. */
interface Lease {
  /** Time without a link after which it is asked to end, in milliseconds. */
  readonly killAfterMs: number;
  /** Time since which there is no link, if there is none. */
  awaySince: number | undefined;
  /** Time since which there may be no link, if there is none: that of the look before. */
  unseenSince: number;
  /** Longest time without a link that is possible, in milliseconds. */
  longestMs: number;
  /** Time of the last look at which its agent stood still. */
  stillAt: number;
  isOver: boolean;
}

/** Checks the promise of `onDisconnect: kill`: without a link a command is ended in time, and not earlier. */
export class LinkRules {
  readonly #truth: Truth;
  readonly #now: () => number;
  readonly #leases = new WeakMap<JournalEntry, Lease>();

  constructor(truth: Truth, now: () => number) {
    this.#truth = truth;
    this.#now = now;
  }

  /**
   * Checks the rule.
   *
   * @param since Time of the look before, in milliseconds, if there were steps after it.
   */
  check(agent: LinkedAgent, since = this.#now()): void {
    for (const entry of agent.journal?.entries() ?? []) {
      if (entry.state === "finished") this.#checkEnd(entry, agent, since);
      else this.#checkOpen(entry, agent, since);
    }
  }

  #checkOpen(entry: JournalEntry, agent: LinkedAgent, since: number): void {
    const now = this.#now();
    const lease = this.#leaseOf(entry);
    if (agent.session !== undefined) {
      lease.awaySince = undefined;
      return;
    }
    if (lease.awaySince === undefined) lease.unseenSince = since;
    lease.awaySince ??= now;
    const awayMs = now - lease.awaySince;
    lease.longestMs = Math.max(lease.longestMs, now - lease.unseenSince);
    if (agent.standsStill) lease.stillAt = now;
    this.#truth.must(
      // An agent that stands still ends nothing.
      awayMs <= lease.killAfterMs + SETTLES_MS ||
        now - lease.stillAt <= SETTLES_MS || agent.isEnding(entry),
      () =>
        `command ${entry.id} on ${agent.name} goes on without a link since ${lease.awaySince} ms`,
    );
  }

  /**
   * Checks the end of a command. A command that had ended when this run of the agent began tells nothing about this
   * run's links.
   */
  #checkEnd(
    entry: JournalEntry,
    { name, session }: LinkedAgent,
    since: number,
  ): void {
    const lease = this.#leases.get(entry);
    if (lease === undefined || lease.isOver) return;
    lease.isOver = true;
    const now = this.#now();
    if (session === undefined || since < now) {
      const from = lease.awaySince === undefined ? since : lease.unseenSince;
      lease.longestMs = Math.max(lease.longestMs, now - from);
    }
    this.#truth.must(
      lease.longestMs >= lease.killAfterMs || !isEndedForItsLink(entry),
      () =>
        `command ${entry.id} on ${name} was ended for its link, which was away for ${lease.longestMs} ms at most and has ${lease.killAfterMs}`,
    );
  }

  #leaseOf(entry: JournalEntry): Lease {
    const known = this.#leases.get(entry);
    if (known !== undefined) return known;
    const { onDisconnect, killAfterMs = 0 } = decode(
      readCommand,
      entry.command,
    );
    const lease = {
      killAfterMs: onDisconnect === OnDisconnect.KILL ? killAfterMs : Infinity,
      awaySince: undefined,
      unseenSince: 0,
      longestMs: 0,
      stillAt: -Infinity,
      isOver: false,
    };
    this.#leases.set(entry, lease);
    return lease;
  }
}

function isEndedForItsLink({ result }: JournalEntry): boolean {
  return result !== undefined &&
    decode(readCommandResult, result).output.startsWith("link lost");
}
