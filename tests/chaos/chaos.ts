import { type Clock, sleep, systemClock } from "../../lib/base/clock.ts";
import type { Control } from "../../lib/api/client.ts";
import { messageOf } from "../../lib/base/errors.ts";
import { jobIdOf } from "../../lib/base/job_state.ts";
import { stateName } from "../../lib/cli/manager/states.ts";
import {
  type Command,
  EntryState,
} from "../../proto/gen/piri/control/v1/control_messages.ts";
import type { Programs } from "../../scripts/local/programs.ts";
import { Seeded } from "../support/seeded.ts";
import { Faults } from "./faults.ts";
import { linesOf, outputOf, recordsByKey } from "./investigate.ts";
import { leftoversOf } from "./leftovers.ts";
import { type ChaosOrder, give, type Said, someOrder } from "./chaos_order.ts";
import { Site } from "./site.ts";
import { complaintsOf } from "./verdict.ts";
import { makePool, printedBy, SCRIPT } from "./work.ts";

/** Number of rounds after which the faults stop and all is checked. */
const LOOK_EVERY = 10;

/** Number of rounds after which an agent stands still, while an order for it is cancelled. */
const STAND_STILL_EVERY = 25;

/** Time for which an agent stands still, in milliseconds: longer than the Manager waits for its Pong. */
const STANDSTILL_MS = 12_000;

/** Longest time for all to recover once the faults have stopped, in milliseconds. */
const CONVERGE_MS = 150_000;

export interface ChaosOptions {
  readonly programs: Programs;
  readonly rounds: number;
  readonly seed: number;
  readonly agents: number;
  readonly say: (line: string) => void;
  /** Ends the run after the current round. */
  readonly signal: AbortSignal;
}

/** Result of a run of chaos. */
export interface ChaosReport {
  readonly rounds: number;
  readonly seconds: number;
  /** Number of commands by end. "not taken" are commands that the Manager never recorded. */
  readonly commands: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  /** Broken promises: lost results, repeated effects, orphans, and others. */
  readonly violations: readonly string[];
  /** Logs of the hosts, if there are violations. */
  readonly logs: string;
}

/** Paths of the script, its pool and its effects. */
interface Paths {
  readonly script: string;
  readonly effects: string;
  readonly pool: string;
}

/** An order that is not checked yet. */
interface Case {
  readonly order: ChaosOrder;
  /** Number of kills and stops of its agent before the order. */
  readonly before: { readonly kills: number; readonly stops: number };
  readonly said: Promise<Said>;
}

/** Brings faults to a Manager and its agents while commands run, and checks that every promise was kept. */
export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed } = options;
  const clock = systemClock;
  const began = clock.monotonic();
  await using site = await Site.begin({
    ...options,
    dice: new Seeded(seed + 1),
  });
  const run = await Run.begin(site, { seed, clock });
  let rounds = 0;
  while (
    rounds < options.rounds && run.violations.length === 0 &&
    !options.signal.aborted
  ) {
    await run.round(++rounds);
    if (rounds % STAND_STILL_EVERY === 1) {
      await run.standStill(rounds);
    }
    if (rounds % LOOK_EVERY !== 0 && rounds !== options.rounds) continue;
    await run.look(rounds);
    const seconds = Math.round((clock.monotonic() - began) / 1_000);
    options.say(`${rounds} rounds, ${seconds} s: ${countsText(run.commands)}`);
  }
  return {
    rounds,
    seconds: (clock.monotonic() - began) / 1_000,
    commands: run.commands,
    faults: run.faults,
    violations: run.violations,
    logs: run.violations.length === 0
      ? ""
      : site.hosts.map(({ log }) => log).join("\n"),
  };
}

/** Counts as text, for example "succeeded 12, failed 3". */
export function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts).map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

class Run {
  readonly violations: string[] = [];
  readonly commands: Record<string, number> = {};
  readonly #site: Site;
  readonly #clock: Clock;
  readonly #faults: Faults;
  readonly #dice: Seeded;
  readonly #pool: Uint8Array<ArrayBuffer>;
  readonly #paths: Paths;
  /** A text in the environment of every process of every command. */
  readonly #mark: string;
  readonly #cases: Case[] = [];
  /** End of each command that was checked. It must not change any more. */
  readonly #ends = new Map<string, string>();

  private constructor(
    site: Site,
    { seed, clock, pool, paths }: {
      seed: number;
      clock: Clock;
      pool: Uint8Array<ArrayBuffer>;
      paths: Paths;
    },
  ) {
    this.#site = site;
    this.#clock = clock;
    this.#pool = pool;
    this.#paths = paths;
    this.#dice = new Seeded(seed);
    this.#faults = new Faults(site, { dice: new Seeded(seed + 2), clock });
    this.#mark = `chaos-${crypto.randomUUID()}`;
  }

  static async begin(
    site: Site,
    { seed, clock }: { seed: number; clock: Clock },
  ): Promise<Run> {
    const { folder } = site;
    const pool = makePool(seed);
    const paths = {
      script: folder.at("work.sh"),
      effects: folder.at("effects"),
      pool: folder.at("pool"),
    };
    await Deno.writeTextFile(paths.script, SCRIPT);
    await Deno.writeTextFile(paths.effects, "");
    await Deno.writeFile(paths.pool, pool);
    return new Run(site, { seed, clock, pool, paths });
  }

  get faults(): Record<string, number> {
    return Object.fromEntries(this.#faults.counts);
  }

  /** Gives some orders while some faults happen. Does not wait for the results. */
  async round(round: number): Promise<void> {
    const dice = this.#dice;
    const ms = dice.between(800, 2_500);
    const faults = Array.from(
      { length: dice.between(1, 3) },
      () => this.#faults.after(dice.between(0, ms)),
    );
    const agents = this.#site.agents.map(({ name }) => name);
    const orders = dice.between(3, 6);
    for (let n = 1; n <= orders; n++) {
      const key = `${this.#mark}-${round}-${n}`;
      const order = someOrder(round, key, { agents, dice });
      void this.#give(order, dice.between(0, ms / 2));
    }
    await Promise.all([sleep(this.#clock, ms), ...faults]);
  }

  /** Stops an agent, gives it an order, cancels that, and lets the agent go on: the order must never begin. */
  async standStill(round: number): Promise<void> {
    await this.#faults.calm();
    const dice = this.#dice;
    const agent = dice.pick(this.#site.agents);
    await this.#site.connected(CONVERGE_MS);
    const key = `${this.#mark}-${round}-still`;
    const order = {
      ...someOrder(round, key, { agents: [agent.name], dice }),
      attended: false,
      killOnDisconnect: false,
      timeoutMs: undefined,
      cancelAfterMs: undefined,
      mustNotRun: true,
    };
    await agent.host.pauseWhile(async () => {
      const stood = sleep(this.#clock, STANDSTILL_MS);
      const { id } = await this.#give(order, 0);
      if (id !== undefined) {
        const { code, stderr } = await this.#site.cli("cancel", id);
        // On a busy machine the agent counts as away before the order comes, which then has no command to cancel.
        if (code !== 0 && !stderr.includes("it has ended")) {
          this.#complain(`cannot cancel ${id}: ${stderr}`);
        }
      }
      await stood;
    });
  }

  /** Stops the faults, waits until all is well, and checks all orders. */
  async look(round: number): Promise<void> {
    await this.#faults.calm();
    try {
      await this.#site.connected(CONVERGE_MS);
      await this.#site.idle(CONVERGE_MS);
      await Promise.all(this.#cases.map(({ said }) => said));
      // A late command line may have started its command after that.
      await this.#site.idle(CONVERGE_MS);
    } catch (error) {
      this.#complain(`round ${round}: ${messageOf(error)}`);
    }
    await this.#judgeAll(round);
    for (const complaint of this.#site.complaints) this.#complain(complaint);
    for (const { pid, words } of leftoversOf(this.#mark)) {
      this.#complain(`round ${round}: an orphan, ${pid}: ${words}`);
    }
    for (const { pid, words } of leftoversOf(`${this.#site.folder.path}/`)) {
      if (!words.includes("/survivors/")) continue;
      this.#complain(`round ${round}: a keeper is left, ${pid}: ${words}`);
    }
  }

  #give(order: ChaosOrder, ms: number): Promise<Said> {
    const host = this.#hostOf(order.agent);
    const { kills, stops } = host;
    const said = sleep(this.#clock, ms).then(() =>
      give(order, {
        site: this.#site,
        paths: this.#paths,
        clock: this.#clock,
      })
    );
    said.catch(() => {}); // `look` waits for it
    this.#cases.push({ order, before: { kills, stops }, said });
    return said;
  }

  async #judgeAll(round: number): Promise<void> {
    using control = await this.#site.control();
    const effects = await linesOf(this.#paths.effects);
    const records = await recordsByKey(control, keyOf, { downTo: 0n });
    for (const [key, count] of effects) {
      if (count > 1) {
        this.#complain(`${key}: its effect is there ${count} times`);
      }
    }
    for (const [key, [record, ...more]] of records) {
      const before = this.#ends.get(key);
      if (more.length > 0) this.#complain(`${key}: it is recorded twice`);
      if (record === undefined || before === undefined) continue;
      const now = endOf(record);
      if (now !== before) {
        this.#complain(`${key}: it was ${before}, and is ${now} by now`);
      }
    }
    for (const { order, before, said } of this.#cases.splice(0)) {
      const { key } = order.work;
      const [record] = records.get(key) ?? [];
      const host = this.#hostOf(order.agent);
      const complaints = complaintsOf({
        order,
        said: await said,
        record,
        endedWithoutCommand: record === undefined &&
          await endedWithoutCommand(control, (await said).id),
        recorded: record === undefined
          ? []
          : await outputOf(control, record.id),
        effects: effects.get(key) ?? 0,
        printed: printedBy(order.work, this.#pool),
        agentWasKilled: host.kills > before.kills,
        agentWasStopped: host.stops > before.stops,
      });
      for (const complaint of complaints) {
        this.#complain(
          `round ${order.round} (seen after ${round}), command ${record?.id} on ${order.agent}: ${complaint}; ${
            JSON.stringify(order.work)
          } ${record === undefined ? "" : endOf(record)}`,
        );
      }
      if (record !== undefined) this.#ends.set(key, endOf(record));
      const end = record === undefined
        ? `not taken (${whyNot(await said)})`
        : wordOf(record);
      this.commands[end] = (this.commands[end] ?? 0) + 1;
    }
  }

  #hostOf(agent: string) {
    const found = this.#site.agents.find(({ name }) => name === agent);
    if (found === undefined) throw new TypeError(`there is no "${agent}"`);
    return found.host;
  }

  #complain(what: string): void {
    this.violations.push(what);
  }
}

/** Ends of an entry whose agent never got a command. */
const WITHOUT_COMMAND: ReadonlySet<EntryState> = new Set([
  EntryState.UNREACHABLE,
  EntryState.EXPIRED,
  EntryState.SKIPPED,
  EntryState.LOST,
]);

/** True for a job whose only entry has ended without a command. */
async function endedWithoutCommand(
  { jobs }: Control,
  id: string | undefined,
): Promise<boolean> {
  const jobId = id === undefined ? undefined : jobIdOf(id);
  if (jobId === undefined) return false;
  const { entries } = await jobs.listEntries({ jobId });
  return entries.length === 1 &&
    entries.every(({ state, reason }) =>
      WITHOUT_COMMAND.has(state) && reason !== ""
    );
}

/** Key of a command's work, from its parameters. */
function keyOf({ params }: Command): string {
  const { argv }: { argv?: string[] } = JSON.parse(params);
  return argv?.[2] ?? "";
}

function endOf(record: Command): string {
  return `${
    stateName(record.state)
  }, exit code ${record.exitCode}, ${record.reason}`;
}

/** Reason for a missing record, from the command line's words. */
function whyNot({ stderr, exitCode }: Said): string {
  const [, why = `exit code ${exitCode}`] = /it is not (connected|running)/
    .exec(stderr) ?? [];
  if (why === "connected") return "agent away";
  return why === "running" ? "Manager away" : why;
}

/** End of a command in words, for the report. */
function wordOf({ state, presumed, truncated }: Command): string {
  return [
    stateName(state) === "lost" && presumed
      ? "never arrived"
      : stateName(state),
    ...truncated ? ["with a cut"] : [],
  ].join(" ");
}
