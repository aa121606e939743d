import {
  OnDisconnect,
  readCommand,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { JournalEntry } from "../../lib/agent/journal.ts";
import type { BoundedAgent } from "./bounds.ts";
import type { Truth } from "./truth.ts";
import { decode } from "../../lib/wire/protobuf_reader.ts";

/** An agent says Bye and settles what it has read before it counts its link as lost, milliseconds. */
const SETTLES_MS = 15_000;

/** Commands that must not outlive their link: after how long without it, and since when that runs. */
interface Lease {
  readonly ms: number;
  since: number;
}

/** What `onDisconnect: kill` promises: without a link, a command is ended in time. */
export class LinkRules {
  readonly #truth: Truth;
  readonly #now: () => number;
  readonly #leases = new WeakMap<JournalEntry, Lease>();

  constructor(truth: Truth, now: () => number) {
    this.#truth = truth;
    this.#now = now;
  }

  /** Looked at after every step. */
  check(agent: BoundedAgent): void {
    const now = this.#now();
    for (const entry of agent.journal?.entries() ?? []) {
      if (entry.state === "finished") continue;
      const lease = this.#leaseOf(entry);
      if (agent.session !== undefined) lease.since = now;
      this.#truth.must(
        now - lease.since <= lease.ms || agent.isEnding(entry),
        () =>
          `command ${entry.id} on ${agent.name} goes on without a link since ${lease.since} ms`,
      );
    }
  }

  #leaseOf(entry: JournalEntry): Lease {
    const known = this.#leases.get(entry);
    if (known !== undefined) return known;
    const { onDisconnect, killAfterMs = 0 } = decode(
      readCommand,
      entry.command,
    );
    const ms = onDisconnect === OnDisconnect.KILL
      ? killAfterMs + SETTLES_MS
      : Infinity;
    const lease = { ms, since: this.#now() };
    this.#leases.set(entry, lease);
    return lease;
  }
}
