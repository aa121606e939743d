import { hashSecret } from "../../lib/base/secret.ts";
import { JOURNAL_LIMITS } from "../../lib/agent/journal/limits.ts";
import { ManagerCore } from "../../lib/manager/core.ts";
import { encodeFrames } from "../../lib/wire/frame.ts";
import { type Body, encodeMessage } from "../../lib/wire/message.ts";
import type { Transport } from "../../lib/wire/transport.ts";
import { KEYLESS_FEATURES } from "../../lib/wire/features.ts";
import { body } from "../support/scripted_peer.ts";
import { Bounds } from "./bounds.ts";
import { Life } from "./life.ts";
import { ManagerDisk } from "./manager_disk.ts";
import { Network } from "./network.ts";
import { SeededRandom } from "./seeded_random.ts";
import { simulatedStore } from "./simulated_store.ts";
import { Trace } from "./trace.ts";
import { Truth } from "./truth.ts";
import { VirtualTime } from "./virtual_time.ts";

/** Kinds of silence: an agent reads nothing; reads and answers only pings; or answers nothing at all. */
export const SILENCES = ["deaf", "mute", "dead"] as const;

export type Silence = typeof SILENCES[number];

/** Count of agents of a kind. */
const AGENTS = 2;

/** Time between two signs of life of a living agent, in milliseconds. */
const SIGN_OF_LIFE_MS = 10_000;

/** Delay before an agent dials again after its connection has ended, in milliseconds. */
const DIAL_AGAIN_MS = 2_000;

/** Time in which a Manager has surely loaded, in milliseconds. */
const LOAD_MS = 1_000;

/** Time between two actions of operators on each agent, in milliseconds. */
const ACT_MS = 60_000;

/** Longest time that a command is watched, in milliseconds. */
const WATCH_MS = 300_000;

const EXPECTED = [
  "sent",
  "cancel: sent",
  "why: sent",
  "give up: lost",
  "watched",
];

/** Parameters that would show in memory if they stayed. */
const PARAMS = JSON.stringify("x".repeat(20_000));

/** A real Manager, the same one all day, with agents of one kind of silence and operators who keep asking. */
export class SilentAgents implements AsyncDisposable {
  readonly time = new VirtualTime();
  readonly truth: Truth;
  readonly #disk: ManagerDisk;
  readonly #core: ManagerCore;
  readonly #network: Network;
  readonly #life: Life;
  readonly #silence: Silence;
  readonly #answers = new Set<string>();
  #requests = 0;

  constructor(silence: Silence) {
    const { time } = this;
    this.#silence = silence;
    const random = new SeededRandom(`silence ${silence}`);
    const trace = new Trace(() => time.elapsed, { kept: false });
    const wall = { offsetMs: 0 };
    this.truth = new Truth(trace);
    const { truth } = this;
    this.#life = new Life(random, () => {});
    const clock = this.#life.clock(time, wall);
    this.#disk = new ManagerDisk(clock, random.fork("database"));
    const store = simulatedStore(this.#disk.store, {
      life: this.#life,
      time,
      random: random.fork("store"),
      commitMs: () => 2,
      failing: () => 0,
      written: () => {},
      changed: (_method, args) => args,
      answered: (_method, answer) => answer,
      hasty: false,
      waiting: () => {},
    });
    this.#core = new ManagerCore({
      store,
      clock,
      random,
      identity: {
        addresses: ["mgr:7051"],
        serverName: "mgr.piri.internal",
        caCertificate: new Uint8Array([1]),
      },
      data: { answer: () => Promise.resolve("a setting") },
      pingIntervalMs: 15_000,
      keepBytes: 1_000_000n,
      unlimitedOperations: [],
      checkParams: () => {},
    });
    const bounds = new Bounds({ truth, journal: JOURNAL_LIMITS, hellos: 200 });
    time.look = () => bounds.checkManager(this.#core);
    this.#network = new Network({
      time,
      trace,
      random,
      intercept: () => undefined,
    });
  }

  /** Missing answers to operators; without answers this would have been a day of nothing. */
  get complaint(): string {
    const missing = EXPECTED.filter((answer) => !this.#answers.has(answer));
    return missing.length === 0 ? "" : `no operator heard "${missing}"`;
  }

  /** Lets the agents dial and the operators begin. */
  async begin(): Promise<void> {
    const { time } = this;
    const loading = this.#core.load();
    // The store of a Manager that loads takes its time, too.
    await time.run(LOAD_MS, () => false);
    await loading;
    this.#network.server = {
      life: this.#life,
      accept: (transport) => this.#core.serve(transport),
    };
    for (let number = 1; number <= AGENTS; number++) {
      const name = `${this.#silence}-${number}`;
      await this.#knows(name);
      void this.#connect(name, 1n);
      time.after(5_000, () => this.#act(name));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.end();
    await this.#disk[Symbol.asyncDispose]();
  }

  async #knows(id: string): Promise<void> {
    const tokenHash = hashSecret("token");
    await this.#disk.store.addAgent({
      id,
      groups: [],
      cidrs: [],
      tokenHash,
      tokenExpiresAt: Number.MAX_SAFE_INTEGER,
      addedAt: 0,
    });
    await this.#disk.store.enrolAgent(id, {
      tokenHash,
      secretHash: hashSecret(`secret of ${id}`),
      at: 0,
    });
  }

  /** Runs one connection to its end, and then the next one. */
  async #connect(name: string, session: bigint): Promise<void> {
    const { time } = this;
    const { signal } = new AbortController();
    const life = new Life(new SeededRandom(`${name} ${session}`), () => {});
    const transport = await this.#network.dial(name, { life, signal });
    try {
      await say(transport, helloOf(name, session));
      await this.#endOf(transport);
    } catch {
      // A broken connection: that is how these end.
    }
    transport.close();
    time.after(DIAL_AGAIN_MS, () => {
      void this.#connect(name, session + 1n);
    });
  }

  async #endOf(transport: Transport): Promise<void> {
    if (this.#silence === "deaf") {
      // This agent learns of the end only when it can write no more.
      for (;;) {
        await this.time.pass(SIGN_OF_LIFE_MS);
        await say(transport, body("ping"));
      }
    }
    const alive = { isOver: false };
    if (this.#silence === "mute") void this.#pongs(transport, alive);
    try {
      while (await transport.read() !== undefined);
    } finally {
      alive.isOver = true;
    }
  }

  async #pongs(
    transport: Transport,
    alive: { isOver: boolean },
  ): Promise<void> {
    while (!alive.isOver) {
      await this.time.pass(SIGN_OF_LIFE_MS);
      if (!alive.isOver) await say(transport, body("pong")).catch(() => {});
    }
  }

  /** Does what operators do: first as many commands as allowed, and then one at a time. */
  #act(name: string): void {
    void this.#runSome(name, this.time.elapsed < 60_000 ? 1_000 : 5);
    this.time.after(ACT_MS, () => this.#act(name));
  }

  async #runSome(name: string, count: number): Promise<void> {
    for (let each = 0; each < count; each++) await this.#run(name);
    void this.#lookAround(name);
  }

  async #run(agent: string): Promise<void> {
    await this.#asked(async ({ commands }) => {
      const { commands: [command] } = await commands.run({
        agents: [agent],
        operation: "silence.Run",
        params: PARAMS,
        requestId: `request ${++this.#requests}`,
        requestedBy: "operator",
        onDisconnect: "continue",
      });
      return command?.state ?? "nothing";
    });
  }

  /** Cancels the oldest command, gives the next one up, watches one, and asks why it waits. */
  async #lookAround(agent: string): Promise<void> {
    const [first, second, third] = this.#core.commands.of(agent)
      .map(({ id }) => id);
    if (first === undefined) return;
    await this.#asked(async ({ commands }) =>
      `cancel: ${(await commands.cancel(first)).state}`
    );
    await this.#asked(async ({ commands }) =>
      `why: ${(await commands.timeline(first)).command.state}`
    );
    if (second === undefined || third === undefined) return;
    await this.#asked(async ({ commands }) =>
      `give up: ${
        (await commands.giveUp(second, { requestedBy: "operator" })).state
      }`
    );
    const stop = new AbortController();
    this.time.after(WATCH_MS, () => stop.abort());
    await this.#asked(async ({ commands }) => {
      const from = { id: third, stdoutOffset: 0n, stderrOffset: 0n };
      for await (const _event of commands.watch([from], stop.signal));
      return "watched";
    });
  }

  async #asked(ask: (core: ManagerCore) => Promise<string>): Promise<void> {
    const answer = await ask(this.#core).catch(({ code }) => String(code));
    this.#answers.add(answer);
  }
}

function say(transport: Transport, message: Body): Promise<number> {
  return transport.write(encodeFrames([encodeMessage(message)]));
}

function helloOf(name: string, session: bigint): Body {
  return body("clientHello", {
    clientId: name,
    auth: `secret of ${name}`,
    protocol: 2,
    features: [...KEYLESS_FEATURES],
    instance: "0".repeat(32),
    session,
    lastCommandId: 0n,
    commands: [],
  });
}
