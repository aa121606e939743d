import { encodeHex } from "@std/encoding/hex";
import {
  type ClientHello,
  type ResumeFrom,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { type Address, formatAddress } from "../../base/address.ts";
import type { Checkpoint } from "../../base/checkpoint.ts";
import type { Clock } from "../../base/clock.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import type {
  AgentRecord,
  CommandRecord,
  NewEvent,
} from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import { type End, Refusal } from "../../wire/connection.ts";
import { type Dialect, dialectOfAgent } from "../../wire/dialect.ts";
import { FEATURES, negotiate } from "../../wire/features.ts";
import { offersProof } from "../../wire/proof.ts";
import type { Commands } from "../commands.ts";
import type { AgentSession } from "../fleet.ts";
import { withInstallation } from "../agents/agent_installation.ts";
import { policyFacts, withPolicy } from "../agents/agent_policy.ts";
import type { JobEffects } from "../jobs/job_effects.ts";
import type { AgentAliases } from "./agent_aliases.ts";
import { AdmittedAgent, type AgentConnection } from "./admitted_agent.ts";
import { type Authenticated, Authentication } from "./authentication.ts";
import { Challenge, type ManagerProof } from "./challenge.ts";
import { describe, isJoined, violationOf } from "./connection_end.ts";
import { tellChanges, tellRotation } from "./hello_changes.ts";
import { HelloGate } from "./hello_gate.ts";
import { checkHello, OperationSets } from "./hello_rules.ts";
import { IdJumps } from "./id_jumps.ts";
import {
  briefWindowMs,
  busyRetryMs,
  reconnectWindowMs,
} from "./reconnect_window.ts";
import { RefusedHellos } from "./refused_hellos.ts";
import { Replacements } from "./replacements.ts";
import { serverHello } from "./server_hello.ts";
import type { TokenJoinsOptions } from "./token_joins.ts";

/** An agent whose hello was accepted. It is admitted even if its connection has to end at once. */
export interface Admitted {
  readonly agent: AdmittedAgent;
  /** Error of recording or answering the hello. */
  readonly error?: unknown;
}

/** An accepted hello. */
interface Checked extends Authenticated {
  readonly dialect: Dialect;
  /** Records of listed commands that are not open here. */
  readonly ended: readonly CommandRecord[];
}

/** Effect of a hello on the commands of its agent. */
type Outcome = ReturnType<Commands["effects"]["reconcile"]>;

export interface AdmissionOptions extends TokenJoinsOptions {
  readonly commands: Commands;
  readonly aliases: AgentAliases;
  readonly jobs: Pick<JobEffects, "doubt" | "heard" | "agentChanged">;
  readonly pingIntervalMs: () => number;
  /** Key of this Manager. Without one, agents are admitted by their secrets only. */
  readonly proof?: ManagerProof | undefined;
  /** Newest checkpoint of the audit; undefined for none. */
  readonly checkpoint?: () => Checkpoint | undefined;
  /** Most hellos that are handled at the same time; MAX_HELLOS by default. */
  readonly maxHellos?: number;
  /** True for a Manager that is there for a minute at a time. */
  readonly brief?: boolean;
}

/** Empty set, shared by all agents without such ids. */
const NO_IDS: ReadonlySet<bigint> = new Set();

/** Admits agents, one hello at a time for each name: protocol.md section 6. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #gate: HelloGate;
  readonly #refused: RefusedHellos;
  readonly #authentication: Authentication;
  readonly #replacements: Replacements;
  readonly #jumps = new IdJumps();
  readonly #operations = new OperationSets();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#gate = new HelloGate(options);
    this.#refused = new RefusedHellos(options);
    this.#authentication = new Authentication(options, this.#refused);
    this.#replacements = new Replacements(options.clock);
  }

  /**
   * Challenge to the agent of a hello, whoever it is; undefined if the hello offers no proof.
   *
   * @param bytes The message with the hello, as it came.
   * @param authority SHA-256 of the key of the authority that certified the Manager on this connection; that of the
   * Manager's present authority if absent.
   * @throws {PiriError} PROTOCOL_VIOLATION
   */
  challenge(
    hello: ClientHello,
    bytes: Uint8Array,
    authority?: Uint8Array,
  ): Challenge | undefined {
    checkHello(hello);
    const { proof, random } = this.#options;
    if (proof === undefined || !offersProof(hello)) return undefined;
    const { managerId } = this.#store;
    const { key, serverName } = proof;
    return new Challenge(hello, bytes, {
      key,
      serverName,
      authority: authority ?? proof.authority,
      managerId,
      random,
    });
  }

  /**
   * Makes the connection of a checked hello the agent's current one, and sends ServerHello.
   *
   * @param isProven True if the agent has proven the key of its hello, false if it has tried; undefined if it was not
   * challenged.
   * @throws {PiriError} AUTH_FAILED, STALE, BUSY: the agent is not admitted.
   */
  async admit(
    hello: ClientHello,
    connection: AgentConnection,
    isProven?: boolean,
  ): Promise<Admitted> {
    try {
      const admitted = await this.#gate.pass(() =>
        this.#options.aliases.hello(
          hello,
          (named) => this.#admit(named, connection, isProven),
        )
      );
      return { ...admitted, error: this.#comeBack(admitted.error) };
    } catch (error) {
      throw this.#comeBack(error);
    }
  }

  /** Asks the agent to come back soon if its hello cannot be recorded. Any other error stays as it is. */
  #comeBack(error: unknown): unknown {
    if (codeOf(error) !== "DISK") return error;
    return new Refusal(
      "BUSY",
      "Cannot record the hello: the Manager cannot write its database",
      busyRetryMs(this.windowMs),
    );
  }

  /** Widest window of dials that agents are told, in milliseconds. */
  get windowMs(): number {
    const { fleet, brief } = this.#options;
    return (brief ? briefWindowMs : reconnectWindowMs)(fleet.known);
  }

  /** Number of hellos that are being handled. */
  get inFlight(): number {
    return this.#gate.inFlight;
  }

  /** Tells operators what is left to tell, because the Manager stops. */
  close(): void {
    this.#refused.close();
  }

  /** Takes an agent out of the fleet, and records it, once its connection has ended. */
  async left(session: AdmittedAgent, end: End): Promise<void> {
    const { fleet, commands, jobs, events } = this.#options;
    if (!fleet.leave(session)) return;
    const at = this.#clock.now();
    commands.noteLeft(session.agent, at);
    const change = commands.effects.connectionEnded(session, violationOf(end));
    if (!session.joined || !isJoined(end)) {
      events.add(
        "agent_disconnected",
        `agent "${session.agent}" is not connected any more: ${describe(end)}`,
        { agent: session.agent },
      );
    }
    try {
      await this.#store.agentLeft(session.agent, {
        at,
        patches: change.patches,
      });
      change.recorded();
    } catch (error) {
      change.takeBack();
      // Operators are told of the disk by its own event. Otherwise the agent may have been removed meanwhile.
      if (codeOf(error) !== "DISK") {
        events.add("store_error", messageOf(error), { agent: session.agent });
      }
    }
    // Watchers learn the time from which on the commands are unreachable.
    for (const { feed } of commands.of(session.agent)) feed.touch();
    void jobs.agentChanged(session);
  }

  async #admit(
    hello: ClientHello,
    connection: AgentConnection,
    isProven?: boolean,
  ): Promise<Admitted> {
    const { peer } = connection;
    const { effects } = this.#options.commands;
    // The store reads this together with the records of the check.
    const lastId = this.#jumps.lastFor(hello.lastCommandId, this.#store);
    const checked = await this.#authentication.check(hello, peer, isProven);
    const { record } = checked;
    const dialect = dialectOfAgent(hello);
    if (dialect.hasIdentities) {
      this.#checkSession(hello, record, { last: await lastId, peer });
    }
    this.#checkReplacements(hello.clientId, peer);
    const listed = effects.listed(record.id, hello);
    do await listed.read(); while (listed.hasUnread);
    const facts = { ...checked, dialect, ended: listed.ended };
    const { agent, outcome } = this.#decide(hello, connection, facts);
    try {
      await this.#record(hello, agent, { ...outcome, ...checked });
    } catch (error) {
      outcome.takeBack();
      return { agent, error };
    }
    outcome.recorded();
    tellChanges(record, hello, this.#options.events);
    if (checked.nextKey !== undefined) {
      tellRotation(record.id, checked.nextKey, this.#options.events);
    }
    try {
      await this.#answer(agent, {
        resume: effects.resumeFrom(outcome.resumed),
        cancelled: agent.features.has("hold") ? effects.unwanted(hello) : [],
      });
    } catch (error) {
      return { agent, error };
    }
    return { agent };
  }

  /**
   * Compares the commands that the agent lists with the open ones, and admits the agent. Not async: nothing may change
   * between the two.
   */
  #decide(
    hello: ClientHello,
    connection: AgentConnection,
    { record, joined, isProven, dialect, ended }: Checked,
  ): { readonly agent: AdmittedAgent; readonly outcome: Outcome } {
    const { fleet, commands } = this.#options;
    const features = negotiate(
      hello.features,
      isProven ? FEATURES : dialect.features,
    );
    const outcome = commands.effects.reconcile(record.id, hello, {
      ended,
      resumes: features.has("resume"),
    });
    // Only the needed fields of the record: they stay in memory as long as the connection.
    const agent = new AdmittedAgent(connection, {
      agent: record.id,
      groups: record.groups,
      dialect,
      instance: hello.instance,
      session: hello.session,
      features,
      operations: this.#operations.of(hello),
      unknownIds: outcome.unknownIds.size === 0 ? NO_IDS : outcome.unknownIds,
      unfinished: outcome.unfinished.size === 0 ? NO_IDS : outcome.unfinished,
      ended: outcome.ended,
      joined,
      reconnectWindowMs: this.windowMs,
    });
    const former = fleet.admit(agent);
    if (former !== undefined) this.#replace(former, agent.address);
    return { agent, outcome };
  }

  async #record(
    hello: ClientHello,
    { agent, address, dialect, joined }: AdmittedAgent,
    { patches, newKey, nextKey }:
      & Pick<Outcome, "patches">
      & Pick<Checked, "newKey" | "nextKey">,
  ): Promise<void> {
    const { events, jobs } = this.#options;
    const at = this.#clock.now();
    const record = (event?: NewEvent) =>
      this.#store.admitAgent(agent, {
        protocol: dialect.impliedProtocol ?? hello.protocol,
        version: hello.agentVersion,
        facts: withPolicy(
          withInstallation(hello.facts, hello.installation),
          policyFacts(hello.policy),
        ),
        instance: hello.instance,
        session: hello.session,
        lastCommandId: hello.lastCommandId,
        address,
        at,
        patches,
        newKey,
        nextKey,
        trust: hello.trust.length === 0
          ? undefined
          : hello.trust.map((hash) => encodeHex(hash)),
        doubt: jobs.doubt(at),
        event,
      });
    // The join was reported already, and most joining agents disconnect at once.
    const { moved } = joined
      ? await record()
      : await events.addWith("agent_connected", {
        agent,
        message: `agent "${agent}" is connected from ${address}`,
      }, record);
    jobs.heard(agent, moved);
  }

  #answer(
    agent: AdmittedAgent,
    commands: { resume: ResumeFrom[]; cancelled: bigint[] },
  ): Promise<void> {
    const { aliases, pingIntervalMs, checkpoint } = this.#options;
    const value = serverHello(agent, {
      ...commands,
      managerId: this.#store.managerId,
      pingIntervalMs: pingIntervalMs(),
      name: aliases.told(agent.agent),
      checkpoint: checkpoint?.(),
    });
    return agent.send({ case: "serverHello", value });
  }

  #checkSession(
    { instance, session, lastCommandId }: ClientHello,
    record: AgentRecord,
    { last, peer }: { last: bigint | undefined; peer: Address },
  ): void {
    const { id } = record;
    if (record.instance === instance && session <= record.session) {
      this.#options.counters.add("stale_hellos");
      throw new PiriError(
        "STALE",
        `Cannot admit session ${session} of "${id}": ${record.session} was admitted before`,
      );
    }
    try {
      this.#jumps.follow(lastCommandId, last);
    } catch (error) {
      this.#refused.add({
        name: id,
        isKnown: true,
        host: peer.host,
        text: `"${id}" was turned away from ${formatAddress(peer)}: ${
          messageOf(error)
        }`,
      });
      throw error;
    }
  }

  #checkReplacements(name: string, { host }: Address): void {
    const { fleet, counters } = this.#options;
    // No connection is replaced.
    if (fleet.session(name) === undefined) return;
    try {
      this.#replacements.check(name);
    } catch (error) {
      counters.add("busy_hellos");
      this.#refused.add({ name, isKnown: true, host, text: messageOf(error) });
      throw error;
    }
  }

  #replace(former: AgentSession, address: string): void {
    const { agent } = former;
    this.#replacements.add(agent);
    this.#options.events.add(
      "agent_replaced",
      `agent "${agent}" has a new connection, from ${address}; the one from ${former.address} is ended`,
      { agent },
    );
    former.replaced();
  }
}
