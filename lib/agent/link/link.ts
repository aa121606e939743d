import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { formatAddress } from "../../base/address.ts";
import { Backoff, RECONNECT } from "../../base/backoff.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { Standstill } from "../../base/standstill.ts";
import type { End } from "../../wire/connection.ts";
import { byeCodeOf } from "../../wire/dialect.ts";
import { LIVENESS } from "../../wire/liveness.ts";
import type { Transport } from "../../wire/transport.ts";
import type { Journal } from "../journal/journal.ts";
import type { PolicyGate } from "../policy/policy_gate.ts";
import type { Runner } from "../runner/runner.ts";
import { DialFailures } from "./dial_failures.ts";
import { type AgentIdentity, helloOf } from "./hello.ts";
import { KeyProofs } from "./key_proofs.ts";
import { tellPolicy } from "./policy_news.ts";
import { isShutdown, type LinkState, stateAfter } from "./link_state.ts";
import { Rejections } from "./rejections.ts";
import { REMOVED_RETRY_MS, wayBack } from "./removal.ts";
import { AgentSession } from "./session.ts";
import type { Witness } from "./witness_news.ts";

const log = logger("agent", "link");

/** Longest `retry_after` that the agent accepts from a Manager, in milliseconds. */
const MAX_RETRY_AFTER_MS = 600_000;

/** Narrowest window of the next dial after some codes of a Bye, in milliseconds. */
const MIN_WINDOW_MS: ReadonlyMap<Bye_Code, number> = new Map([
  [Bye_Code.AUTH_FAILED, 30_000],
  [Bye_Code.REPLACED, 60_000],
]);

export interface LinkOptions {
  readonly identity: AgentIdentity;
  readonly journal: Journal;
  readonly runner: Runner;
  readonly policy: Pick<PolicyGate, "facts" | "keepsName">;
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  /** Connects to the Manager, or throws the reason. */
  readonly dial: (signal: AbortSignal) => Promise<Transport>;
  /** Widest window between two dials, in milliseconds, whatever the Manager says. If absent, its word holds. */
  readonly widestWindowMs?: number | undefined;
  /** Longest time for which the process may stand still and keep its connection, in milliseconds; 10 s by default. */
  readonly standstillMs?: number;
  /** Keeps checkpoints of the Manager's audit; they are ignored if absent. */
  readonly witness?: Witness | undefined;
  /** Keeps on the disk whether the Manager has removed this agent, for `check`. */
  readonly noteRemoved?: (isRemoved: boolean) => Promise<void>;
  /** Keeps on the disk a name that the Manager has given this agent. */
  readonly keepName?: (name: string) => Promise<void>;
  /** Told when there is a connection, and when there is none any more or could be made none. */
  readonly onLink?: (state: LinkState) => void;
  /** Installation of the agent, and whether it is on trial; untold if absent. */
  readonly installation?: () => { kind: string; trial: string; target: string };
}

/** Course of one connection. */
export interface Served {
  readonly end: End;
  /** True if the Manager admitted the agent. */
  readonly wasReady: boolean;
}

/** Keeps the agent connected: dials, serves the connection to its end, waits, and dials again. */
export class Link {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  readonly #rejections = new Rejections();
  readonly #failures: DialFailures;
  readonly #proofs: KeyProofs | undefined;
  #session: AgentSession | undefined;
  /** Name that hellos say. */
  #name: string;
  /** True if the log tells the last attempt. */
  #isTold = true;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#failures = new DialFailures(options.clock);
    const { identity: { agentKey, name }, random, journal } = options;
    this.#name = name;
    this.#proofs = agentKey && new KeyProofs(agentKey, random, journal);
  }

  /** Keys of this agent; undefined if it has none. */
  get proofs(): KeyProofs | undefined {
    return this.#proofs;
  }

  /** True if there is a connection that is ready for delivery. */
  get isReady(): boolean {
    return this.#session?.connection.state === "ready";
  }

  /** The session that is ready for delivery. */
  get session(): AgentSession | undefined {
    return this.isReady ? this.#session : undefined;
  }

  /** Asks the Manager for data over the current connection. */
  async request(type: string, params: string): Promise<string | Uint8Array> {
    const session = this.#session;
    if (session === undefined || !this.isReady) {
      throw new PiriError(
        "UNAVAILABLE",
        `Cannot get "${type}" from the Manager: the connection is down`,
      );
    }
    return await session.request(type, params);
  }

  /** Tells the Manager about a policy that has changed, if there is a connection. */
  async tellPolicy(): Promise<void> {
    const { session } = this;
    if (session !== undefined) await tellPolicy(session, this.#options.policy);
  }

  /** Dials again and again until `stop`. */
  async run(): Promise<void> {
    const { clock, random } = this.#options;
    const { widestWindowMs: most = RECONNECT.most } = this.#options;
    const backoff = new Backoff({ ...RECONNECT, most }, clock, random);
    while (!this.#stop.signal.aborted) {
      const wait = backoff.next(await this.#attempt(backoff));
      if (this.#stop.signal.aborted) return;
      log[this.#isTold ? "info" : "debug"]("Dialling again in {seconds} s", {
        seconds: (wait / 1_000).toFixed(1),
      });
      await sleep(clock, wait, this.#stop.signal);
    }
  }

  /**
   * Dials once, and serves the connection to its end. `whenReady` may say Bye.
   *
   * @throws {PiriError} if no connection can be made
   */
  async serveOnce(
    whenReady: (session: AgentSession) => void,
  ): Promise<Served> {
    const { journal, runner, clock, counters, identity } = this.#options;
    let wasReady = false;
    const facts = typeof identity.facts === "function"
      ? await identity.facts()
      : identity.facts;
    const proof = this.#proofs?.begin();
    const trust = this.#proofs?.trust?.hashes ?? [];
    const hello = { ...identity, name: this.#name, facts, proof, trust };
    // The number is durable before the dial: no two dials have the same.
    const number = await journal.nextSession();
    const transport = await this.#dial();
    proof?.certifiedBy(transport.authority);
    if (transport.authority !== undefined) {
      this.#proofs?.trust?.met(transport.authority);
    }
    // The Manager gives up a connection that is silent for the ping timeout. What it has said before is old then: the next
    // hello tells what holds.
    using standstill = new Standstill(
      clock,
      this.#options.standstillMs ?? LIVENESS.timeoutMs,
      (ms) => {
        counters.add("standstills");
        session.drop(
          `this process stood still for ${Math.round(ms / 1_000)} s`,
        );
      },
    );
    const session = new AgentSession(transport, {
      journal,
      runner,
      clock,
      counters,
      rejections: this.#rejections,
      proof,
      witness: this.#options.witness,
      look: () => standstill.look(),
      forgot: (commandId) => {
        if (this.#proofs?.isMadeBy(commandId)) {
          session.leave("this agent takes its new key into use");
        }
      },
      ready: (session) => {
        wasReady = true;
        this.#noteRemoved(false);
        this.#takeName(session.givenName);
        whenReady(session);
      },
    });
    this.#session = session;
    try {
      const end = await session.run(helloOf(hello, this.#options, number));
      if (proof?.isDone && !wasReady && isRefusal(end)) {
        this.#proofs?.refused(proof);
      }
      return { end, wasReady };
    } finally {
      this.#session = undefined;
    }
  }

  /** Stops dialling, and says Bye if there is a connection. */
  stop(reason: string): void {
    this.#stop.abort();
    this.#session?.leave(reason);
  }

  /**
   * Dials unless the link stops. A stop may come before the dial watches its signal, and after it has stopped watching.
   */
  async #dial(): Promise<Transport> {
    const { signal } = this.#stop;
    const transport = signal.aborted
      ? undefined
      : await this.#options.dial(signal);
    if (transport !== undefined && !signal.aborted) return transport;
    transport?.close();
    throw new PiriError(
      "CANCELLED",
      "Cannot connect to the Manager: the agent stops",
    );
  }

  #noteRemoved(isRemoved: boolean): void {
    this.#options.noteRemoved?.(isRemoved).catch((error) =>
      log.warning("{error}", { error: messageOf(error) })
    );
  }

  /**
   * Says another name from the next hello on. Until it is on the disk, a restart says the former one, which the Manager
   * takes, too.
   */
  #takeName(name: string): void {
    if (name === "" || name === this.#name) return;
    if (this.#options.policy.keepsName) {
      log.warning(
        "The Manager has renamed this agent from {before} to {name}; it keeps its name, because its policy requires signatures, which are for names: change the name in agent.yaml",
        { before: this.#name, name },
      );
      return;
    }
    log.info("The Manager has renamed this agent from {before} to {name}", {
      before: this.#name,
      name,
    });
    this.#name = name;
    this.#options.keepName?.(name).catch((error) =>
      log.warning("{error}", { error: messageOf(error) })
    );
  }

  async #attempt(
    backoff: Backoff,
  ): Promise<{ atLeast?: number; windowAtLeast?: number }> {
    try {
      const { end } = await this.serveOnce((session) => {
        backoff.succeeded();
        this.#failures.clear();
        backoff.limit(
          this.#options.widestWindowMs ?? session.reconnectWindowMs,
        );
        const peer = formatAddress(session.connection.peer);
        log.info("Connected to the Manager at {peer}", { peer });
        this.#options.onLink?.({ connected: true, detail: peer });
      });
      this.#isTold = true;
      this.#options.onLink?.(stateAfter(end));
      if (this.#stop.signal.aborted) return {};
      // A Manager that says that it stops is back soon, most often: it only restarts.
      if (isShutdown(end)) backoff.restart();
      return await this.#delayAfter(end);
    } catch (error) {
      this.#tellFailure(error);
      return {};
    }
  }

  #tellFailure(error: unknown): void {
    const facts = { code: codeOf(error), error: messageOf(error) };
    this.#options.onLink?.({ connected: false, detail: facts.error });
    const untold = this.#failures.note(facts.error);
    this.#isTold = untold !== undefined;
    if (untold === undefined) {
      log.debug("No connection ({code}): {error}", facts);
    } else if (untold === 0) {
      log.warning("No connection ({code}): {error}", facts);
    } else {
      log.warning(
        "No connection ({code}): {error}; {untold} attempts before it failed, too",
        { ...facts, untold },
      );
    }
  }

  /** Returns the delay that the end of a connection demands of the next dial. */
  async #delayAfter(
    end: End,
  ): Promise<{ atLeast?: number; windowAtLeast?: number }> {
    if (end.kind !== "bye") {
      log.warning("The connection ended: {reason}", { reason: end.reason });
      return {};
    }
    const { reason, retryAfterMs = 0 } = end.bye;
    const code = byeCodeOf(end.bye);
    log.warning('The Manager said Bye: "{reason}"', { reason });
    if (code === Bye_Code.STALE) {
      log.warning(
        "Another process used this agent's journal, or it is an old copy: going on as a new instance",
      );
      await this.#options.journal.newInstance();
    }
    if (code === Bye_Code.REMOVED) {
      log.error("This agent was removed from the fleet: {advice}", {
        advice: wayBack(this.#name),
      });
      this.#noteRemoved(true);
    }
    const least = code === Bye_Code.REMOVED ? REMOVED_RETRY_MS : 0;
    return {
      atLeast: Math.max(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS), least),
      windowAtLeast: MIN_WINDOW_MS.get(code) ?? 0,
    };
  }
}

function isRefusal(end: End): boolean {
  return end.kind === "bye" && byeCodeOf(end.bye) === Bye_Code.AUTH_FAILED;
}
