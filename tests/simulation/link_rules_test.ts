import { assertEquals, assertMatch } from "@std/assert";
import type { JournalEntry } from "../../lib/agent/journal/journal.ts";
import { OnDisconnect } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryAgent } from "../support/memory_agent.ts";
import { LinkRules } from "./link_rules.ts";
import { Trace } from "./trace.ts";
import { Truth } from "./truth.ts";

const KILL_AFTER_MS = 60_000;

/** Time above all that the rules allow an agent, in milliseconds. */
const LONG_MS = 30_000;

/** Agent with a command that may be without its link for a minute, checked by the rules. */
class Leased implements AsyncDisposable {
  readonly truth: Truth;
  readonly #rules: LinkRules;
  #isLinked = true;

  static async start(): Promise<Leased> {
    const core = await MemoryAgent.start();
    core.runner.linkUp(true);
    const entry = await core.accepted({
      commandId: 1n,
      onDisconnect: OnDisconnect.KILL,
      killAfterMs: KILL_AFTER_MS,
    });
    const leased = new Leased(core, entry);
    leased.#look();
    return leased;
  }

  private constructor(
    readonly core: MemoryAgent,
    readonly entry: JournalEntry,
  ) {
    const now = () => core.clock.monotonic();
    this.truth = new Truth(new Trace(now, { kept: false }));
    this.#rules = new LinkRules(this.truth, now);
  }

  /** Sets the link up or down for `ms` milliseconds. The runner hears of it, or not. */
  async link(isUp: boolean, ms: number, { told = true } = {}): Promise<void> {
    const { runner, clock } = this.core;
    this.#isLinked = isUp;
    if (told && isUp) runner.linkUp(true);
    if (told && !isUp) runner.linkDown();
    this.#look();
    await clock.advance(ms);
    this.#look();
  }

  /** Ends the program. */
  async ends(): Promise<void> {
    this.core.workers.newest.ends({ success: false });
    await this.core.clock.settle();
    this.#look();
  }

  /** True while the agent stands still. */
  standsStill = false;

  get violation(): string {
    return this.truth.violation?.message ?? "";
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.core[Symbol.asyncDispose]();
  }

  #look(): void {
    const { core } = this;
    this.#rules.check({
      name: "web-1",
      journal: core.journal,
      session: this.#isLinked ? "a link" : undefined,
      standsStill: this.standsStill,
      isEnding: () => core.workers.newest.asked.length > 0,
    });
  }
}

Deno.test("a command that ends because its link stays away keeps the rules, and one whose link is back too", async () => {
  await using away = await Leased.start();
  await away.link(false, KILL_AFTER_MS - 1);
  await away.link(true, LONG_MS);
  await away.link(false, KILL_AFTER_MS);
  await away.ends();
  assertEquals(away.violation, "");
});

Deno.test("a command that ends for its link although the link came back breaks a rule", async () => {
  await using spared = await Leased.start();
  await spared.link(false, KILL_AFTER_MS - 1);
  await spared.link(true, 1, { told: false });
  await spared.ends();
  assertMatch(
    spared.violation,
    /^command 1 on web-1 was ended for its link, which was away for 59999 ms/,
  );
});

Deno.test("a command that continues although its link stays away breaks a rule", async () => {
  await using forgotten = await Leased.start();
  await forgotten.link(false, KILL_AFTER_MS + LONG_MS, { told: false });
  assertMatch(
    forgotten.violation,
    /^command 1 on web-1 goes on without a link since 0 ms/,
  );
});

Deno.test("an agent that stands still ends its command once it goes on, or breaks a rule", async () => {
  await using still = await Leased.start();
  still.standsStill = true;
  await still.link(false, KILL_AFTER_MS + LONG_MS, { told: false });
  assertEquals(still.violation, "");
  still.standsStill = false;
  await still.link(false, LONG_MS, { told: false });
  assertMatch(
    still.violation,
    /^command 1 on web-1 goes on without a link since 0 ms/,
  );
});
