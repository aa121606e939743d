import { Bye_Code } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { formatAddress } from "../base/address.ts";
import { type Clock, sleep, type Timer } from "../base/clock.ts";
import { Counters } from "../base/counters.ts";
import { messageOf, PiriError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { VERSION } from "../base/version.ts";
import type { End } from "../wire/connection.ts";
import type { Audit } from "./audit/audit_log.ts";
import { EXPIRY, type Journal, type JournalEntry } from "./journal/journal.ts";
import type { AgentIdentity } from "./link/hello.ts";
import { Link, type LinkOptions } from "./link/link.ts";
import { wayBack } from "./link/removal.ts";
import { ownOperations, type UpdateCommand } from "./own_operations.ts";
import { OwnWork } from "./own_work.ts";
import { type RestartRequest, Restarts } from "./restart.ts";
import { type FoundPolicy } from "./policy/policy.ts";
import { PolicyGate } from "./policy/policy_gate.ts";
import { Runner, type RunnerOptions } from "./runner/runner.ts";
import type { AgentSession } from "./link/session.ts";
import { markerOf } from "./runner/settle_past.ts";
import { installationOf, type Trial } from "./update/trial.ts";
import type { UpdateParts } from "./update/update_parts.ts";
import type { Workers, WorkItem } from "./workers/workers.ts";

const log = logger("agent");

/** Longest time that a stopping agent waits for the Manager to acknowledge its results, in milliseconds. */
const LAST_ACKS_MS = 5_000;
const LAST_ACKS_LOOK_MS = 50;

/** Time between two searches of the journal for old or excess data, in milliseconds. */
const UPKEEP_MS = 3_600_000;

/** Parts of an Agent that do not depend on sockets or threads. */
export interface AgentCoreOptions {
  readonly identity: AgentIdentity;
  readonly journal: Journal;
  /** The host's own record of its commands. */
  readonly audit: Audit;
  /** Counts of what is dropped, refused or ignored; new ones by default. */
  readonly counters?: Counters;
  /** Decides which commands are taken; all by default. */
  readonly policy?: PolicyGate;
  readonly workers: Workers;
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: LinkOptions["dial"];
  readonly widestWindowMs?: LinkOptions["widestWindowMs"];
  readonly standstillMs?: number;
  readonly witness?: LinkOptions["witness"];
  readonly noteRemoved?: NonNullable<LinkOptions["noteRemoved"]>;
  readonly keepName?: NonNullable<LinkOptions["keepName"]>;
  readonly onLink?: NonNullable<LinkOptions["onLink"]>;
  /** Means of replacing itself, and its last update; it cannot if absent. */
  readonly update?: { readonly parts: UpdateParts; readonly trial: Trial };
  readonly endSurvivors: RunnerOptions["endSurvivors"];
  /** Programs that outlive their agent; none if absent. */
  readonly survivors?: RunnerOptions["survivors"];
  /** Told the cause once the agent is to be stopped and started again; absent if nobody would start it again. */
  readonly onRestart?: ((cause: string) => void) | undefined;
}

/** Agent without sockets, files and threads of its own: its creator passes them in. */
export class AgentCore {
  readonly name: string;
  readonly counters: Counters;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #workers: Workers;
  readonly #policy: PolicyGate;
  readonly #trial: Trial | undefined;
  readonly #runner: Runner;
  readonly #link: Link;
  readonly #restarts: Restarts;
  #upkeep: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: AgentCoreOptions) {
    this.name = options.identity.name;
    this.counters = options.counters ?? new Counters();
    this.#clock = options.clock;
    this.#journal = options.journal;
    this.#trial = options.update?.trial;
    const { onRestart } = options;
    this.#restarts = new Restarts({
      clock: options.clock,
      isBusy: () => this.#runner.isBusy,
      isDelivering: (id) => this.#isDelivering(id),
      restart: onRestart && ((request) => {
        this.#leave(request);
        onRestart(request.cause);
      }),
    });
    this.#workers = new OwnWork(
      options.workers,
      ownOperations({
        keys: () => this.#link.proofs,
        restarts: this.#restarts,
        update: options.update?.parts,
        commandOf: (item) => this.#commandOf(item),
      }),
    );
    this.#policy = options.policy ?? new PolicyGate();
    this.#runner = new Runner({
      ...options,
      workers: this.#workers,
      policy: this.#policy,
      request: (type, params) => this.#link.request(type, params),
    });
    this.#link = new Link({
      ...options,
      policy: this.#policy,
      runner: this.#runner,
      counters: this.counters,
      ...options.update === undefined
        ? {}
        : { installation: installationOf(options.update) },
      onLink: (state) => {
        this.#trial?.linked(state);
        options.onLink?.(state);
      },
    });
  }

  /** Connection that the Manager has admitted; undefined while there is none. */
  get session(): AgentSession | undefined {
    return this.#link.session;
  }

  /** Settles the commands of an earlier run, and begins to dial. */
  async start(): Promise<void> {
    await this.#link.proofs?.settle();
    const trial = this.#trial;
    let taken: JournalEntry | undefined;
    await this.#runner.settlePast(async (entry) => {
      const fate = await trial?.fateOf(entry);
      if (fate === "runs") taken = entry;
      return fate;
    });
    await trial?.told();
    trial?.begin(async (outcome) => {
      if (taken !== undefined) await this.#runner.settle(taken, outcome);
    });
    log.info("piri-agent {version} of {name} starts", {
      version: VERSION,
      name: this.name,
    });
    this.#running = this.#link.run();
    await this.#keepUp();
  }

  /**
   * Puts another policy into use and tells it to the Manager. Commands that run go on. Returns true if it differs from
   * the one before.
   */
  async usePolicy(found: FoundPolicy): Promise<boolean> {
    if (!this.#policy.use(found)) return false;
    await this.#link.tellPolicy();
    return true;
  }

  /**
   * Restarts the agent as soon as no command runs.
   *
   * @throws {PiriError} FAILED_PRECONDITION if nobody would start it again
   */
  restartWhenIdle(cause: string): void {
    this.#restarts.ask({ cause, when: "idle" });
  }

  /**
   * Makes one connection, and ends it once the Manager has admitted the agent. Returns the Manager's address.
   *
   * @throws {PiriError} AUTH_FAILED, REFUSED, UNAVAILABLE, or an error of the dial; WaitsForApproval
   */
  async enrol(): Promise<string> {
    let address = "";
    const { end, wasReady } = await this.#link.serveOnce((session) => {
      address = formatAddress(session.connection.peer);
      session.leave("joined", Bye_Code.JOINED);
    });
    if (!wasReady) throw whyNot(end, this.name);
    return address;
  }

  /**
   * Tells the Manager that this host leaves the fleet, over a connection of its own. Returns the Manager's address.
   *
   * @throws {PiriError} as `enrol`; UNSUPPORTED by a Manager that knows no such request
   */
  async leaveFleet(): Promise<string> {
    this.#runner.refuse("the host leaves the fleet");
    let address = "";
    let told: Promise<unknown> = Promise.resolve();
    const { end, wasReady } = await this.#link.serveOnce((session) => {
      address = formatAddress(session.connection.peer);
      told = session.request("leave", "{}");
      told.catch(() => {}).finally(() => session.leave("the host leaves"));
    });
    if (!wasReady) throw whyNot(end, this.name);
    await told;
    return address;
  }

  /** Refuses new commands, ends the running ones, delivers results for at most 5 s, and says Bye. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#upkeep?.cancel();
    this.#trial?.stop();
    this.#restarts.cancel();
    this.#runner.refuse("the agent stops");
    await this.#runner.stop();
    await this.#lastAcks();
    this.#link.stop("the agent stops");
    await this.#running;
    this.#workers.close();
    await this.#journal[Symbol.asyncDispose]();
  }

  /** True if the Manager lacks results. A command that was handed over has none. */
  get #hasResults(): boolean {
    return this.#journal.entries().some(({ state }) => state === "finished");
  }

  #commandOf({ commandId, marker }: WorkItem): UpdateCommand | undefined {
    const entry = this.#journal.entries().find((each) =>
      each.id === commandId && markerOf(each) === marker
    );
    return entry === undefined ? undefined : {
      command: entry,
      othersRunning: () => this.#runner.othersRunning(entry),
    };
  }

  /**
   * Takes no further command from the Manager if the agent restarts when idle. Those that are under way are not refused:
   * the Manager sends them to the next connection.
   */
  #leave({ when }: RestartRequest): void {
    if (when === "idle") this.#link.stop("the agent restarts");
  }

  #isDelivering(commandId?: bigint): boolean {
    return this.#link.isReady &&
      this.#journal.entries().some(({ id, state }) =>
        state === "finished" && (commandId === undefined || id === commandId)
      );
  }

  async #keepUp(): Promise<void> {
    const now = this.#clock.now();
    const bytes = await this.#journal.expire({ now, ...EXPIRY });
    if (bytes > 0) {
      log.warning("{bytes} bytes of the journal expired", { bytes });
    }
    if (this.#stopped !== undefined) return;
    this.#upkeep = this.#clock.timer(UPKEEP_MS, () => {
      this.#keepUp().catch((error) =>
        log.error("Upkeep failed: {error}", { error: messageOf(error) })
      );
    });
  }

  async #lastAcks(): Promise<void> {
    const end = this.#clock.monotonic() + LAST_ACKS_MS;
    while (
      this.#link.isReady && this.#hasResults &&
      this.#clock.monotonic() < end
    ) {
      await sleep(this.#clock, LAST_ACKS_LOOK_MS);
    }
  }
}

/** Shortest time after which a host that waits asks again, in milliseconds. */
const MIN_WAIT_MS = 1_000;

/** Error of a join that somebody has to accept first. */
export class WaitsForApproval extends PiriError {
  /** @param retryAfterMs Time after which to ask again, in milliseconds. */
  constructor(message: string, readonly retryAfterMs: number) {
    super("REFUSED", message);
  }
}

/** Turns the end of a connection into an error: the Manager did not admit the agent. */
function whyNot(end: End, name: string): PiriError {
  if (end.kind !== "bye") {
    return new PiriError(
      "UNAVAILABLE",
      `Cannot join: the connection ended, ${end.reason}`,
    );
  }
  const { code, reason, retryAfterMs = 0 } = end.bye;
  if (code === Bye_Code.PENDING) {
    return new WaitsForApproval(
      `Cannot join yet: ${reason}`,
      Math.max(retryAfterMs, MIN_WAIT_MS),
    );
  }
  if (code === Bye_Code.REMOVED) {
    return new PiriError(
      "AUTH_FAILED",
      `Cannot join: "${name}" was removed from the fleet; ${wayBack(name)}`,
    );
  }
  if (code === Bye_Code.AUTH_FAILED && reason.startsWith("Cannot join")) {
    return new PiriError("AUTH_FAILED", reason);
  }
  return code === Bye_Code.AUTH_FAILED
    ? new PiriError(
      "AUTH_FAILED",
      'Cannot join: the Manager does not take this token; it may be expired, used by another host, or replaced ("piri-manager agent token NAME" makes a new one)',
    )
    : new PiriError("REFUSED", `Cannot join: the Manager says "${reason}"`);
}
