import { concat } from "@std/bytes/concat";
import { PiriError } from "../../../lib/base/errors.ts";
import { hashSecret } from "../../../lib/base/secret.ts";
import { agentTable } from "../../../lib/agent/link/session.ts";
import type { Commands } from "../../../lib/manager/commands.ts";
import type { ManagerCore } from "../../../lib/manager/core.ts";
import type { ManagerSession } from "../../../lib/manager/session.ts";
import { openStore } from "../../../lib/store/open.ts";
import type { CommandRecord } from "../../../lib/store/records.ts";
import type { Store } from "../../../lib/store/store.ts";
import { KEYLESS_FEATURES } from "../../../lib/wire/features.ts";
import type { Body } from "../../../lib/wire/message.ts";
import { MANAGER_PROOF } from "../../support/keys.ts";
import { memoryCore } from "../../support/memory_core.ts";
import { body } from "../../support/scripted_peer.ts";
import { agentSays, type Known, secretOf } from "./agent_says.ts";
import { Bystander } from "./bystander.ts";
import { drive, nameOfEnd } from "./drive.ts";
import { require } from "./finding.ts";
import { FuzzClock, turn } from "./fuzz_clock.ts";
import { heard, messagesIn } from "./heard.ts";
import { ScriptTransport } from "./script_transport.ts";
import { Seeded } from "../../support/seeded.ts";
import {
  type Conversation,
  type Reached,
  spoil,
  type Target,
} from "./target.ts";
import { watched, type Write } from "./watched_store.ts";

/** Timers of the bystander's connection: one for its pings, and one for a while after each write. */
const BYSTANDER_TIMERS = 2;

/** One timer for all refused hellos of a minute. */
const REFUSALS_TIMERS = 1;

/** The simulated agent. A flipped bit makes it the other. */
const OWN = "web-1";
const OTHER = "web-3";

const OWN_INSTANCE = "0123456789abcdef0123456789abcdef";
const OTHER_INSTANCE = "fedcba9876543210fedcba9876543210";

/** Commands that exist from the beginning. Their ids count from 1. */
const PRESET: readonly (readonly [string, CommandRecord["state"]])[] = [
  [OWN, "running"],
  [OWN, "sent"],
  [OTHER, "running"],
  [OWN, "succeeded"],
  [OWN, "lost"],
  [OTHER, "lost"],
  [OWN, "queued"],
];

/** Number of conversations after which the whole store is checked. */
const LOOKED_THROUGH = 10;

/** Largest number of open commands. Beyond it none is added. */
const MAX_OPEN = 20;

/** A Manager with two agents, one of which behaves correctly. */
export class ManagerTarget implements Target {
  readonly #clock: FuzzClock;
  readonly #store: Store;
  readonly #core: ManagerCore;
  readonly #random = new Seeded(1);
  readonly #bystander: Bystander;
  /** Commands that have ended for certain, as they were at their end. */
  readonly #ended = new Map<bigint, string>();
  readonly #writes: readonly Write[];
  #othersRecords = "";
  #conversations = 0;
  #instance = OWN_INSTANCE;
  #session = 1n;
  #total = BigInt(PRESET.length);
  #lastId = BigInt(PRESET.length);
  #requests = 0;
  #running: Promise<unknown>[] = [];

  static async open(): Promise<ManagerTarget> {
    const clock = new FuzzClock();
    const random = new Seeded(1);
    const { store, writes } = watched(
      await openStore(":memory:", { clock, random }),
    );
    await prepare(store, clock);
    const target = new ManagerTarget(store, writes, clock);
    await target.#begin();
    return target;
  }

  private constructor(
    store: Store,
    writes: readonly Write[],
    clock: FuzzClock,
  ) {
    this.#store = store;
    this.#writes = writes;
    this.#clock = clock;
    this.#core = memoryCore({ store, clock, random: this.#random }, {
      proof: MANAGER_PROOF,
      data: { answer: answerOf },
      // Checkpoints of the audit would be writes that no connection has caused.
      hasHistory: false,
    });
    this.#bystander = new Bystander(body("clientHello", {
      clientId: OTHER,
      auth: secretOf(OTHER),
      protocol: 2,
      features: [...KEYLESS_FEATURES],
      instance: OTHER_INSTANCE,
      session: 2n,
      commands: [{ commandId: 3n, nonce: 103n, state: 2 }],
    }));
  }

  think(random: Seeded): Conversation {
    this.#session++;
    const view = {
      name: OWN,
      instance: this.#instance,
      session: this.#session,
      open: this.#core.commands.of(OWN).map(knownOf),
      otherIds: [3n, 4n, 5n, 6n, 0n, -1n, 2n ** 62n],
    };
    return spoil(agentSays(view, random), 1, random);
  }

  async have({ script, interventions }: Conversation): Promise<Reached> {
    const { counters } = this.#core;
    const before = counters.all();
    const writesBefore = this.#writes.length;
    let session: ManagerSession | undefined = undefined;
    const transport = new ScriptTransport(script, (index) => {
      for (const { at, does } of interventions) {
        if (at !== index) continue;
        // The first bytes are read before the session is known here.
        if (does === "leaves") queueMicrotask(() => session?.shutdown(1_000));
        else this.#run();
      }
    });
    const served = this.#core.serve(transport);
    session = [...this.#core.sessions].at(-1);
    const end = await drive(served, {
      clock: this.#clock,
      activity: () => transport.activity,
    });
    // The Manager has logged the error, and each error in the log is a finding.
    if (end === undefined) return { end: "an error", features: new Set() };
    const name = nameOfEnd(end);
    await this.#settle();
    require(transport.isClosed, "a connection that has ended is closed");
    const messages = heard(transport.written, agentTable, "serverHello");
    const said = messagesIn(concat(script.chunks));
    if (session?.agent !== undefined) {
      require(mayComeIn(said), "only who proves who it is is admitted");
    } else {
      require(
        this.#writes.slice(writesBefore).every(({ method }) =>
          method === "enrolAgent"
        ),
        "nothing is recorded before the hello has succeeded",
      );
    }
    require(
      this.#writes.slice(writesBefore).every(({ about }) =>
        about !== OTHER && about !== 3n && about !== 6n
      ),
      "nothing is recorded of another agent or its commands",
    );
    this.#checkAfter();
    if (++this.#conversations % LOOKED_THROUGH === 0) await this.#lookThrough();
    const stale = messages.some(({ case: kind, value }) =>
      kind === "bye" && value.code === 3
    );
    if (stale) this.#instance = this.#newInstance();
    const counted = Object.entries(counters.all())
      .filter(([name, count]) => count !== before[name])
      .map(([name]) => `counts ${name}`);
    return {
      end: name,
      features: new Set([
        `ends ${name}`,
        ...counted,
        ...messages.map(({ case: kind }) => `answers ${kind}`),
        ...said.map(({ case: kind }) =>
          `hears ${kind}${session?.agent !== undefined ? " of an agent" : ""}`
        ),
      ]),
    };
  }

  async conclude(): Promise<void> {
    await this.#lookThrough();
    for (const record of await this.#core.commands.list({ limit: 10_000 })) {
      await this.#checkOutput(record);
    }
    const { commands: [command] } = await this.#core.commands.run({
      ...REQUEST,
      agents: [OTHER],
      requestId: "last",
    });
    for (let turns = 0; turns < 20; turns++) await turn();
    const { state } = await this.#core.commands.get(command?.id ?? 0n);
    require(state === "succeeded", "the other agent still works");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#bystander.close();
    await this.#core.shutdown();
    await this.#settle();
    await this.#store[Symbol.asyncDispose]();
  }

  async #begin(): Promise<void> {
    await this.#core.load();
    void this.#core.serve(this.#bystander);
    while (this.#core.fleet.session(OTHER)?.takesCommands !== true) {
      await turn();
    }
    await this.#settle();
    this.#othersRecords = await this.#records(OTHER);
    await this.#noteEnded();
  }

  /** Requests a command, as an operator does. */
  #run(): void {
    const session = this.#core.fleet.session(OWN);
    if (!session?.takesCommands) return;
    if (this.#core.commands.of(OWN).length >= MAX_OPEN) return;
    this.#total++;
    const requestId = `request ${++this.#requests}`;
    this.#running.push(
      this.#core.commands.run({ ...REQUEST, agents: [OWN], requestId })
        .catch(() => this.#total--),
    );
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#running.splice(0));
    for (let turns = 0; turns < 3; turns++) await turn();
  }

  #checkAfter(): void {
    const most = BYSTANDER_TIMERS + REFUSALS_TIMERS;
    require(
      this.#clock.timers <= most,
      `a connection that has ended leaves no timer: ${this.#clock.timers} are set, and what stays has ${most} at most`,
    );
    require(
      this.#core.fleet.session(OWN) === undefined,
      "an agent whose connection has ended is not connected",
    );
    require(!this.#bystander.isClosed, "other connections stay");
  }

  async #lookThrough(): Promise<void> {
    require(
      await this.#records(OTHER) === this.#othersRecords,
      "nothing is recorded of another agent's command",
    );
    const { commandsTotal } = await this.#store.stats();
    require(commandsTotal === this.#total, "no peer makes a command");
    const lastId = await this.#store.lastCommandId();
    require(lastId >= this.#lastId, "ids only grow");
    this.#lastId = lastId;
    for (const [id, text] of this.#ended) {
      require(
        textOf(await this.#store.command(id)) === text,
        "what has ended for certain stays as it is",
      );
    }
    await this.#noteEnded();
  }

  async #noteEnded(): Promise<void> {
    // The newest records are enough: each record is one of them at some time.
    for (const record of await this.#store.commands({ limit: 20 })) {
      if (record.finishedAt === null || record.presumed) continue;
      // A copied host reports commands as lost that the original still has.
      if (record.state === "lost") continue;
      this.#ended.set(record.id, textOf(record));
    }
    for (const id of this.#ended.keys()) {
      if (this.#ended.size <= 20) break;
      this.#ended.delete(id);
    }
  }

  async #records(agent: string): Promise<string> {
    return textOf([
      await this.#store.commands({ limit: 1_000, agent }),
      (await this.#store.agent(agent))?.session,
    ]);
  }

  /** Checks that the kept output is in order, and that no byte is there twice. */
  async #checkOutput(
    { id, outputKept, ...held }: CommandRecord,
  ): Promise<void> {
    let kept = 0n;
    for (const stream of ["stdout", "stderr"] as const) {
      let at = 0n;
      const pieces = await this.#store.readOutput(id, {
        stream,
        offset: 0n,
        limit: Infinity,
      });
      for (const { offset, bytes, cut } of pieces) {
        require(offset - cut >= at, "no byte of output is kept twice");
        at = offset + BigInt(bytes.length);
        kept += BigInt(bytes.length);
      }
      require(at <= held[`${stream}Held`], "what is kept is held");
    }
    require(kept === outputKept, "what is kept is counted");
  }

  #newInstance(): string {
    const bytes = this.#random.bytes(16);
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(
      "",
    );
  }
}

const REQUEST = {
  operation: "echo.Echo",
  params: "{}",
  onDisconnect: "continue",
  requestedBy: "fuzz",
} as const;

async function prepare(store: Store, clock: FuzzClock): Promise<void> {
  for (const name of [OWN, OTHER, "new-1"]) {
    await store.addAgent({
      id: name,
      groups: [],
      cidrs: [],
      tokenHash: hashSecret("token"),
      tokenExpiresAt: Number.MAX_SAFE_INTEGER,
      addedAt: clock.now(),
    });
  }
  const instances = [[OWN, OWN_INSTANCE], [OTHER, OTHER_INSTANCE]] as const;
  for (const [name, instance] of instances) {
    await store.enrolAgent(name, {
      tokenHash: hashSecret("token"),
      secretHash: hashSecret(secretOf(name)),
      at: clock.now(),
    });
    await store.admitAgent(name, {
      protocol: 2,
      version: "0.1.0",
      facts: {},
      instance,
      session: 1n,
      lastCommandId: 0n,
      address: "10.1.2.3:5000",
      at: clock.now(),
      patches: [],
    });
    // Otherwise the Manager would expect it back for some time, by a timer.
    await store.agentLeft(name, { at: clock.now(), patches: [] });
  }
  await store.createCommands(
    PRESET.map(([agent], index) => ({
      agent,
      operation: "echo.Echo",
      params: "{}",
      nonce: 101n + BigInt(index),
      requestedBy: "fuzz",
      timeoutMs: null,
      onDisconnect: "continue" as const,
      killAfterMs: null,
      state: "queued" as const,
      instance: null,
      session: null,
      createdAt: clock.now(),
      sentAt: null,
    })),
    { requestId: "first", job: "job" },
  );
  for (const [index, [agent, state]] of PRESET.entries()) {
    if (state === "queued") continue;
    const hasEnded = state === "succeeded" || state === "lost";
    await store.patchCommand({
      id: BigInt(index + 1),
      state,
      presumed: state === "lost",
      instance: agent === OWN ? OWN_INSTANCE : OTHER_INSTANCE,
      session: 1n,
      sentAt: clock.now(),
      finishedAt: hasEnded ? clock.now() : null,
    });
  }
}

/** True if the first message, pings aside, is a hello that proves its sender. */
function mayComeIn(said: readonly Body[]): boolean {
  const first = said.find(({ case: kind }) =>
    kind !== "ping" && kind !== "pong"
  );
  if (first?.case !== "clientHello") return false;
  const { clientId, auth, joinToken } = first.value;
  if (clientId === "new-1") return joinToken === "token" || auth !== "";
  return (clientId === OWN || clientId === OTHER) &&
    (auth === secretOf(clientId) || joinToken === "token");
}

function knownOf(command: ReturnType<Commands["of"]>[number]): Known {
  const { id, nonce, stdoutHeld, stderrHeld } = command.record;
  return { id, nonce, stdout: stdoutHeld, stderr: stderrHeld };
}

/** Answers agents' requests for data. */
function answerOf(
  _agent: unknown,
  type: string,
): Promise<string | Uint8Array> {
  switch (type) {
    case "data":
      return Promise.resolve("{}");
    case "file_content":
      return Promise.resolve(new Uint8Array(100_000));
    case "slow":
      return turn().then(() => "late");
    default:
      return Promise.reject(
        new PiriError("NOT_FOUND", `Cannot answer: there is no such type`),
      );
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, part) => typeof part === "bigint" ? `${part}n` : part,
  );
}
