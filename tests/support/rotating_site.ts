import { AgentCore } from "../../lib/agent/core.ts";
import { openJournal } from "../../lib/agent/journal/disk_journal.ts";
import type { StoredNextKey } from "../../lib/agent/link/key_proof.ts";
import { PiriError } from "../../lib/base/errors.ts";
import type { Random } from "../../lib/base/random.ts";
import { newSigningKey, SigningKey } from "../../lib/base/signing_key.ts";
import { ManagerCore } from "../../lib/manager/core.ts";
import { openStore } from "../../lib/store/open.ts";
import type { AgentRecord } from "../../lib/store/records.ts";
import type { Store } from "../../lib/store/store.ts";
import { FEATURES } from "../../lib/wire/features.ts";
import { FrameDecoder } from "../../lib/wire/frame.ts";
import { memoryTransports } from "../../lib/wire/memory_transport.ts";
import { type Body, decodeMessage } from "../../lib/wire/message.ts";
import { NONCE_BYTES } from "../../lib/wire/proof.ts";
import type { Transport } from "../../lib/wire/transport.ts";
import { KeyProof } from "../../lib/agent/link/key_proof.ts";
import { createClientHello } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { framesOf, ScriptedPeer } from "./scripted_peer.ts";
import { countingRandom } from "./counting_random.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeWorkers } from "./fake_workers.ts";
import { NO_AUDIT } from "./heard_audit.ts";
import { MANAGER_PROOF } from "./keys.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { hashSecret } from "../../lib/base/secret.ts";

/** Part that ends at a crash point. */
export type Victim = "agent" | "Manager" | "link";

/** Moment at which something ends. */
export type CrashPoint =
  | {
    readonly message: Body["case"];
    /** Occurrence from the first rotation on, from 1. */
    readonly nth: number;
    readonly when: "before" | "after";
    readonly victim: Victim;
  }
  | { readonly write: "keepNext" | "adopt"; readonly when: "before" | "after" }
  | { readonly write: "adopt"; readonly when: "between" };

/** Name of the only agent. */
export const ROTATED = "web-1";

/** The agent's files that hold keys. */
interface KeyFiles {
  pem: string;
  next: StoredNextKey | undefined;
  pinned: Uint8Array | undefined;
}

/** One agent with a key and its Manager, in memory: both can be killed at any step, and come back. */
export class RotatingSite implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly files: KeyFiles;
  /** True once the crash point was reached. */
  hasCrashed = false;
  manager!: ManagerCore;
  readonly #random = differentRandom();
  readonly #store: Store;
  #disk = new MemoryDisk();
  #agent: AgentCore | undefined;
  /** Number of the agent's life; what an earlier one does has no effect. */
  #life = 0;
  #isManagerUp = true;
  #isOld = false;
  #closers: (() => void)[] = [];
  #crash: CrashPoint | undefined;
  #seen = 0;
  #requests = 0;

  static async start(
    { path = ":memory:", isOld = false }: {
      /** Database that has the agent, with its secret. */
      readonly path?: string;
      /** True for an agent of a version without keys. */
      readonly isOld?: boolean;
    } = {},
  ): Promise<RotatingSite> {
    const clock = new FakeClock();
    const store = await openStore(path, { clock, random: countingRandom() });
    const site = new RotatingSite(store);
    site.#isOld = isOld;
    await site.#startManager();
    if (path === ":memory:") await site.#add();
    await site.#startAgent();
    await site.comesBack();
    return site;
  }

  private constructor(store: Store) {
    this.#store = store;
    this.files = {
      pem: newSigningKey(this.#random),
      next: undefined,
      pinned: undefined,
    };
  }

  /** The agent's key, as its file has it. */
  get key(): SigningKey {
    return new SigningKey(this.files.pem);
  }

  /** Entry of the agent. */
  async entry(): Promise<AgentRecord> {
    const entry = await this.#store.agent(ROTATED);
    if (entry === undefined) throw new Error("the agent has no entry");
    return entry;
  }

  /** Lets something end at this point, from now on. */
  arm(crash: CrashPoint): void {
    this.#crash = crash;
    this.#seen = 0;
  }

  /** Asks for a new key, and lets what follows happen. Whatever it comes to, the operator goes on. */
  async rotate(times = 1): Promise<void> {
    for (let left = times; left > 0; left--) {
      this.manager.commands.run({
        agents: [ROTATED],
        operation: "agent.Rotate",
        params: "{}",
        requestId: `request ${++this.#requests}`,
        requestedBy: "test",
        onDisconnect: "continue",
      }).catch(() => {});
    }
    await this.clock.advance(1_000);
  }

  /** Puts the present version in place of an old one. */
  async upgrade(): Promise<void> {
    this.#isOld = false;
    this.#strike("agent");
    await this.clock.settle();
    await this.comesBack();
  }

  /** Waits until the agent is connected, for at most ten minutes. */
  async comesBack(): Promise<void> {
    for (let second = 0; second < 600; second++) {
      await this.clock.advance(1_000);
      if (this.isConnected) return;
    }
    throw new Error("the agent does not come back");
  }

  /** True if both sides have a session. */
  get isConnected(): boolean {
    return this.#agent?.session !== undefined &&
      this.manager.fleet.session(ROTATED) !== undefined;
  }

  /** Waits until nothing of a rotation is under way on the agent. */
  async settles(): Promise<void> {
    for (let second = 0; second < 600; second++) {
      await this.clock.advance(1_000);
      if (this.isConnected && this.files.next === undefined) return;
    }
    throw new Error("the rotation does not end");
  }

  /** Takes the next key out of the database, as a backup that is put back would. */
  async forgetNextKey(): Promise<void> {
    const { publicKey, secretHash } = await this.entry();
    const tokenHash = hashSecret("another token");
    const tokenExpiresAt = Number.MAX_SAFE_INTEGER;
    await this.#store.setToken(ROTATED, { tokenHash, tokenExpiresAt });
    await this.#store.enrolAgent(ROTATED, {
      tokenHash,
      secretHash: secretHash ?? new Uint8Array(),
      publicKey: publicKey ?? undefined,
      at: 0,
    });
  }

  /** Says hello with a key as somebody else would who has it, and returns the answer. */
  async answerTo(key: SigningKey): Promise<string> {
    const [ours, theirs] = memoryTransports();
    const peer = new ScriptedPeer(ours);
    void this.manager.serve({
      peer: { host: "10.9.9.9", port: 9 },
      read: () => theirs.read(),
      write: (bytes) => theirs.write(bytes),
      close: () => theirs.close(),
    });
    const proof = new KeyProof({
      ...MANAGER_PROOF,
      key,
      pinned: MANAGER_PROOF.key.publicKey,
      helloNonce: this.#random.bytes(NONCE_BYTES),
      pin: () => Promise.resolve(),
    });
    const hello = createClientHello({
      clientId: ROTATED,
      protocol: 2,
      features: [...FEATURES],
      instance: "f".repeat(32),
      session: 1n,
      ...proof.fields,
    });
    proof.said(hello);
    await peer.writes(framesOf({ case: "clientHello", value: hello }));
    const challenge = await peer.hears("authChallenge");
    await peer.says("authProof", proof.answer(challenge));
    await this.clock.settle();
    const answer = peer.heardSoFar().find(({ case: kind }) =>
      kind === "bye" || kind === "serverHello"
    );
    peer.hangUp();
    await this.clock.settle();
    return answer?.case === "bye" ? answer.value.reason : "admitted";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life++;
    this.#closeAll();
    await this.clock.settle();
    await this.#store[Symbol.asyncDispose]();
  }

  async #add(): Promise<void> {
    const tokenHash = hashSecret("token");
    await this.#store.addAgent({
      id: ROTATED,
      groups: [],
      cidrs: [],
      tokenHash,
      tokenExpiresAt: Number.MAX_SAFE_INTEGER,
      addedAt: 0,
    });
    await this.#store.enrolAgent(ROTATED, {
      tokenHash,
      secretHash: hashSecret(`secret of ${ROTATED}`),
      publicKey: this.key.publicKey,
      at: 0,
    });
  }

  async #startManager(): Promise<void> {
    this.manager = new ManagerCore({
      store: this.#store,
      clock: this.clock,
      random: this.#random,
      identity: {
        addresses: [],
        serverName: "",
        caCertificate: new Uint8Array(),
      },
      data: { answer: () => Promise.resolve("") },
      proof: MANAGER_PROOF,
      pingIntervalMs: 15_000,
      keepBytes: 1_000_000n,
      unlimitedOperations: [],
      checkParams: () => {},
    });
    await this.manager.load();
    this.#isManagerUp = true;
  }

  async #startAgent(): Promise<void> {
    const life = ++this.#life;
    const journal = await openJournal({
      disk: this.#disk,
      random: this.#random,
      machineId: "machine",
      bootId: "boot",
    });
    const { files } = this;
    this.#agent = new AgentCore({
      identity: {
        name: ROTATED,
        secret: `secret of ${ROTATED}`,
        facts: {},
        agentKey: this.#isOld ? undefined : {
          ...MANAGER_PROOF,
          key: this.key,
          next: files.next,
          pinned: files.pinned,
          pin: (key) => this.#writes(life, () => void (files.pinned = key)),
          keepNext: async (next) => {
            await this.#reach(life, "keepNext", "before");
            await this.#writes(life, () => void (files.next = next));
            await this.#reach(life, "keepNext", "after");
          },
          adopt: async (pem) => {
            await this.#reach(life, "adopt", "before");
            await this.#writes(life, () => void (files.pem = pem));
            await this.#reach(life, "adopt", "between");
            await this.#writes(life, () => void (files.next = undefined));
            await this.#reach(life, "adopt", "after");
          },
        },
      },
      audit: NO_AUDIT,
      journal,
      workers: new FakeWorkers(),
      clock: this.clock,
      random: this.#random,
      dial: () => this.#dial(life),
      endSurvivors: () => Promise.resolve({ signalled: 0, alive: [] }),
    });
    await this.#agent.start();
  }

  /** Writes to the agent's disk while it lives. */
  #writes(life: number, write: () => void): Promise<void> {
    if (life !== this.#life) return new Promise(() => {});
    write();
    return Promise.resolve();
  }

  /** Kills the agent at this point if that was wanted; it does not come back from the call. */
  #reach(
    life: number,
    write: string,
    when: "before" | "between" | "after",
  ): Promise<void> {
    const crash = this.#crash;
    if (life !== this.#life) return new Promise(() => {});
    if (
      crash === undefined || !("write" in crash) || crash.write !== write ||
      crash.when !== when
    ) return Promise.resolve();
    this.#strike("agent");
    return new Promise(() => {});
  }

  #dial(life: number): Promise<Transport> {
    if (life !== this.#life) return new Promise(() => {});
    if (!this.#isManagerUp) {
      return Promise.reject(new PiriError("UNAVAILABLE", "Cannot connect"));
    }
    const [ours, theirs] = memoryTransports();
    this.#closers.push(() => {
      ours.close();
      theirs.close();
    });
    void this.manager.serve(this.#watched(theirs));
    return Promise.resolve(this.#watched(ours));
  }

  /** End of a connection whose messages may be crash points. */
  #watched(transport: Transport): Transport {
    const decoder = new FrameDecoder();
    return {
      peer: { host: "10.1.2.3", port: 5_000 },
      read: () => transport.read(),
      close: () => transport.close(),
      write: async (bytes) => {
        const point = this.#pointIn(bytes, decoder);
        if (point?.when === "before") {
          this.#strike(point.victim);
          return bytes.length;
        }
        // Whole: a part that is written twice would confuse the decoder.
        for (let at = 0; at < bytes.length;) {
          at += await transport.write(bytes.subarray(at));
        }
        if (point !== undefined) {
          void this.clock.settle().then(() => this.#strike(point.victim));
        }
        return bytes.length;
      },
    };
  }

  #pointIn(bytes: Uint8Array, decoder: FrameDecoder) {
    decoder.push(bytes.slice());
    let found: Extract<CrashPoint, { message: unknown }> | undefined;
    for (let frame = decoder.next(); frame; frame = decoder.next()) {
      const body = decodeMessage(frame);
      const crash = this.#crash;
      if (crash === undefined || !("message" in crash)) continue;
      if (body?.case !== crash.message) continue;
      if (++this.#seen === crash.nth) found = crash;
    }
    return found;
  }

  #strike(victim: Victim): void {
    this.#crash = undefined;
    this.hasCrashed = true;
    this.#closeAll();
    if (victim === "agent") {
      this.#life++;
      const before = this.#disk;
      before.crash();
      this.clock.timer(5_000, () => {
        this.#disk = before.afterCrash("kill");
        void this.#startAgent();
      });
    }
    if (victim === "Manager") {
      this.#isManagerUp = false;
      this.clock.timer(5_000, () => void this.#startManager());
    }
  }

  #closeAll(): void {
    for (const close of this.#closers.splice(0)) close();
  }
}

/** Randomness that is the same in each run, and never repeats itself. */
function differentRandom(): Random {
  let count = 0;
  return {
    bytes: (length) => hashSecret(`random ${++count}`).slice(0, length),
    fraction: () => 0.5,
  };
}
