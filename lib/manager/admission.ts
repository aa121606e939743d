import { create } from "@bufbuild/protobuf";
import {
  type ClientHello,
  ServerHelloSchema,
} from "../../proto/gen/piri/agent/v1/agent_pb.ts";
import type { Clock } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import { messageOf, PiriError } from "../base/errors.ts";
import { Limits, NAME_PATTERN } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { hashSecret, sameHash } from "../base/secret.ts";
import { parseAddress } from "../base/address.ts";
import { VERSION } from "../base/version.ts";
import type { AgentRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { type End, Refusal } from "../wire/connection.ts";
import { type Feature, negotiate } from "../wire/features.ts";
import type { Body } from "../wire/message.ts";
import type { Commands } from "./commands.ts";
import type { Events } from "./events.ts";
import type { AgentSession, LocalFleet } from "./fleet.ts";
import { HelloGate } from "./hello_gate.ts";
import { inNetworks, parseNetwork } from "./network.ts";

/** So many replacements of one agent's connection in a minute are borne. */
const REPLACEMENTS = 6;
const REPLACEMENTS_MS = 60_000;

/** The sequence of ids follows an agent's by so much at most. */
const MAX_ID_JUMP = 2n ** 32n;

/** What a hello that was let in made known. */
export interface Admitted {
  readonly record: AgentRecord;
  readonly instance: string;
  readonly session: bigint;
  readonly features: ReadonlySet<Feature>;
  readonly operations: ReadonlySet<string> | undefined;
  readonly strangers: ReadonlySet<bigint>;
  /** Listed commands that have ended here. */
  readonly ended: readonly bigint[];
}

/** The connection that says hello. */
export interface Newcomer extends AgentSession {
  send(body: Body): Promise<void>;
}

/** What an admission is made of. */
export interface AdmissionOptions {
  readonly store: Store;
  readonly fleet: LocalFleet;
  readonly commands: Commands;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly pingIntervalMs: number;
}

/** Lets agents in, one at a time of each name: protocol.md section 6. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #gate: HelloGate;
  /** The hello that is being looked at, by name. */
  readonly #busy = new Map<string, Promise<void>>();
  /** When connections of a name were replaced, by the monotonic clock. */
  readonly #replaced = new Map<string, number[]>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#gate = new HelloGate(options);
  }

  /**
   * Checks a hello, makes its connection the agent's current one, and sends ServerHello.
   *
   * `admitted` is called at the moment from which the connection is the current one.
   *
   * @throws {PiriError} AUTH_FAILED, STALE, BUSY, PROTOCOL_VIOLATION: the newcomer is told and closed.
   */
  async admit(
    hello: ClientHello,
    newcomer: Newcomer,
    admitted: (admitted: Admitted) => void,
  ): Promise<void> {
    checkHello(hello);
    await this.#gate.pass(() =>
      this.#alone(
        hello.clientId,
        () => this.#admit(hello, newcomer, admitted),
      )
    );
  }

  /** The agent is ready for commands. */
  ready(agent: string): void {
    const session = this.#options.fleet.session(agent);
    this.#options.events.add(
      "agent_connected",
      `agent "${agent}" is connected from ${session?.address ?? "nowhere"}`,
      { agent },
    );
  }

  /** An admitted connection ended. */
  async left(session: AgentSession, end: End): Promise<void> {
    const { fleet, commands, events } = this.#options;
    if (!fleet.leave(session)) return;
    const at = this.#clock.now();
    const open = commands.of(session.agent);
    commands.noteLeft(session.agent, at);
    const patches = commands.agentLeft(session);
    events.add(
      "agent_disconnected",
      `agent "${session.agent}" is not connected any more: ${describe(end)}`,
      { agent: session.agent },
    );
    try {
      await this.#store.agentLeft(session.agent, { at, patches });
    } catch (error) {
      // The agent may have been removed meanwhile.
      events.add("store_error", messageOf(error), { agent: session.agent });
    }
    commands.recorded(open, patches);
  }

  async #alone(name: string, work: () => Promise<void>): Promise<void> {
    const before = this.#busy.get(name) ?? Promise.resolve();
    const mine = before.then(work);
    const settled = mine.catch(() => {});
    this.#busy.set(name, settled);
    try {
      await mine;
    } finally {
      if (this.#busy.get(name) === settled) this.#busy.delete(name);
    }
  }

  async #admit(
    hello: ClientHello,
    newcomer: Newcomer,
    tell: (admitted: Admitted) => void,
  ): Promise<void> {
    const { store, fleet, commands, events } = this.#options;
    const record = await this.#authenticate(hello, newcomer);
    const isOld = hello.protocol === 0;
    if (!isOld) await this.#checkSession(hello, record);
    this.#checkReplacements(hello.clientId);
    const features: ReadonlySet<Feature> = isOld
      ? new Set()
      : negotiate(hello.features);
    const ended = await commands.listedButEnded(record.id, hello);
    // From here to the end of this turn nothing waits: what is compared is what becomes true.
    const outcome = commands.reconcile(record.id, hello, {
      ended,
      resumes: features.has("resume"),
    });
    const protocol = isOld ? 1 : hello.protocol;
    tell({
      record: { ...record, protocol },
      instance: hello.instance,
      session: hello.session,
      features,
      operations: operationsOf(hello),
      strangers: outcome.strangers,
      ended: outcome.ended,
    });
    const former = fleet.admit(newcomer);
    if (former !== undefined) this.#replace(former);
    await store.admitAgent(record.id, {
      protocol,
      version: hello.agentVersion,
      facts: hello.facts,
      instance: hello.instance,
      session: hello.session,
      lastCommandId: hello.lastCommandId,
      address: newcomer.address,
      at: this.#clock.now(),
      patches: outcome.patches,
    });
    commands.recorded(outcome.touched, outcome.patches);
    if (
      !isOld && record.instance !== null && record.instance !== hello.instance
    ) {
      events.add(
        "agent_instance",
        `agent "${record.id}" is another instance than before: its journal is new, or it is another host`,
        { agent: record.id },
      );
    }
    await newcomer.send({
      case: "serverHello",
      value: create(ServerHelloSchema, {
        version: 1,
        ...isOld ? {} : {
          features: [...features],
          managerVersion: VERSION,
          managerId: store.managerId,
          pingIntervalMs: this.#options.pingIntervalMs,
          resume: commands.resumeFrom(outcome.resumed),
        },
      }),
    });
  }

  async #authenticate(
    hello: ClientHello,
    { address }: Newcomer,
  ): Promise<AgentRecord> {
    const secretHash = hashSecret(hello.auth);
    const record = hello.joinToken === ""
      ? await this.#store.agent(hello.clientId)
      : await this.#enrol(hello, secretHash, address);
    const known = record?.secretHash ?? new Uint8Array(32);
    // Compared also when there is nothing to compare with, so that the time tells nothing.
    const same = sameHash(known, secretHash);
    if (!same || record === undefined || record.secretHash === null) {
      throw this.#turnedAway(hello, address, "its secret is wrong");
    }
    if (!mayConnect(record, address)) {
      throw this.#turnedAway(
        hello,
        address,
        "it may not connect from this address",
      );
    }
    return record;
  }

  async #enrol(
    hello: ClientHello,
    secretHash: Uint8Array,
    address: string,
  ): Promise<AgentRecord> {
    const before = await this.#store.agent(hello.clientId);
    // The address is checked before the token is used up.
    if (before !== undefined && !mayConnect(before, address)) {
      throw this.#turnedAway(
        hello,
        address,
        "it may not connect from this address",
      );
    }
    try {
      const record = await this.#store.enrolAgent(hello.clientId, {
        tokenHash: hashSecret(hello.joinToken),
        secretHash,
        at: this.#clock.now(),
      });
      if (before !== undefined && before.tokenUsedWith === null) {
        this.#options.events.add(
          "agent_joined",
          `agent "${hello.clientId}" joined from ${address}`,
          { agent: hello.clientId },
        );
      }
      return record;
    } catch (error) {
      if (!(error instanceof PiriError) || error.code !== "AUTH_FAILED") {
        throw error;
      }
      throw this.#turnedAway(hello, address, error.message);
    }
  }

  #turnedAway(hello: ClientHello, address: string, why: string): PiriError {
    this.#options.counters.add("auth_failures");
    this.#options.events.add(
      "agent_refused",
      `"${hello.clientId}" was turned away from ${address}: ${why}`,
      { agent: hello.clientId },
    );
    return new PiriError(
      "AUTH_FAILED",
      `Cannot admit "${hello.clientId}" from ${address}: ${why}`,
    );
  }

  async #checkSession(hello: ClientHello, record: AgentRecord): Promise<void> {
    if (
      record.instance === hello.instance && hello.session <= record.session
    ) {
      this.#options.counters.add("stale_hellos");
      throw new PiriError(
        "STALE",
        `Cannot admit session ${hello.session} of "${record.id}": ${record.session} was admitted before`,
      );
    }
    const last = await this.#store.lastCommandId();
    if (hello.lastCommandId - last > MAX_ID_JUMP) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot follow to command id ${hello.lastCommandId}: the last one is ${last}`,
      );
    }
  }

  #checkReplacements(name: string): void {
    const since = this.#clock.monotonic() - REPLACEMENTS_MS;
    const recent = (this.#replaced.get(name) ?? []).filter((at) => at > since);
    if (recent.length === 0) this.#replaced.delete(name);
    else this.#replaced.set(name, recent);
    if (
      recent.length >= REPLACEMENTS &&
      this.#options.fleet.session(name) !== undefined
    ) {
      this.#options.counters.add("busy_hellos");
      throw new Refusal(
        "BUSY",
        `Cannot admit "${name}": its connection was replaced ${recent.length} times within a minute; do two hosts have this name?`,
        REPLACEMENTS_MS,
      );
    }
  }

  #replace(former: AgentSession): void {
    const { agent } = former;
    this.#replaced.set(agent, [
      ...this.#replaced.get(agent) ?? [],
      this.#clock.monotonic(),
    ]);
    this.#options.events.add(
      "agent_replaced",
      `agent "${agent}" has a new connection; the one from ${former.address} is ended`,
      { agent },
    );
    former.replaced();
  }
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Limits of a hello that the schema does not express. */
function checkHello(hello: ClientHello): void {
  const facts = Object.entries(hello.facts)
    .reduce((sum, [key, value]) => sum + bytesOf(key) + bytesOf(value), 0);
  const complaint = !NAME_PATTERN.test(hello.clientId)
    ? `"${hello.clientId.slice(0, Limits.name)}" is not a name`
    : hello.protocol === 1
    ? "protocol 1 does not exist"
    : facts > Limits.facts
    ? `its facts take ${facts} bytes, the limit is ${Limits.facts}`
    : hello.commands.length > Limits.openCommands
    ? `it lists ${hello.commands.length} commands, the limit is ${Limits.openCommands}`
    : hello.lastCommandId < 0n
    ? "its last command id is below 0"
    : hello.protocol > 0 && !/^[0-9a-f]{32}$/.test(hello.instance)
    ? "its instance is not 32 hexadecimal digits"
    : undefined;
  if (complaint !== undefined) {
    throw new PiriError(
      "PROTOCOL_VIOLATION",
      `Cannot accept the hello: ${complaint}`,
    );
  }
}

function operationsOf(hello: ClientHello): ReadonlySet<string> | undefined {
  const list = hello.facts["operations"];
  return list === undefined ? undefined : new Set(list.split(" "));
}

/** Whether the agent may connect from where it does. */
function mayConnect({ cidrs }: AgentRecord, peer: string): boolean {
  return cidrs.length === 0 ||
    inNetworks(cidrs.map(parseNetwork), parseAddress(peer).host);
}

function describe(end: End): string {
  switch (end.kind) {
    case "bye":
      return `it said "${end.bye.reason}"`;
    case "left":
      return end.reason;
    case "broken":
      return end.reason;
  }
}
