import { MANAGER_PROOF, testKey } from "../../support/keys.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { AgentCore } from "../../../lib/agent/core.ts";
import { openJournal } from "../../../lib/agent/journal/disk_journal.ts";
import { hashSecret } from "../../../lib/base/secret.ts";
import { ManagerCore } from "../../../lib/manager/core.ts";
import type { DataService } from "../../../lib/manager/data/data_service.ts";
import { openStore } from "../../../lib/store/open.ts";
import type { Store } from "../../../lib/store/store.ts";
import { memoryTransports } from "../../../lib/wire/memory_transport.ts";
import type { Transport } from "../../../lib/wire/transport.ts";
import { type Message, MessageSchema } from "../../protobuf/gen/agent_pb.ts";
import { countingRandom } from "../../support/counting_random.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { FakeWorkers } from "../../support/fake_workers.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";
import { ScriptedPeer } from "../../support/scripted_peer.ts";
import { anEntry } from "../../store/support.ts";
import { NO_AUDIT } from "../../support/heard_audit.ts";

/** Sender of a frame. */
export type Side = "agent" | "manager";

/** A line of a transcript: a remark about a session, or a frame. */
export type Line =
  | { readonly kind: "note"; readonly text: string }
  | {
    readonly kind: "frame";
    readonly from: Side;
    /** Header and body. */
    readonly bytes: Uint8Array;
    readonly message: Message;
  };

/** The name and the secret of the agent in all transcripts. */
export const AGENT = "web-1";
const SECRET = "c2VjcmV0LW9mLXdlYi0xLWluLXRoZXNlLXNlc3Npb25z";

/** A Manager and an Agent without real sockets, time and randomness, and a record of every frame between them. */
export class Stage implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly workers = new FakeWorkers();
  readonly lines: Line[] = [];
  readonly manager: ManagerCore;
  readonly #store: Store;
  readonly #agent: AgentCore;
  readonly #peers: ScriptedPeer[] = [];
  #cut: () => void = () => {};
  #requests = 0;
  /** Takes the Agent's next connection, for our Manager or for a script. */
  #answer: (transport: Transport) => void;

  static async open(
    { hasKeys = false }: { hasKeys?: boolean | undefined } = {},
  ): Promise<Stage> {
    const clock = new FakeClock();
    const random = countingRandom();
    const store = await openStore(":memory:", { clock, random });
    const journal = await openJournal({
      disk: new MemoryDisk(),
      random: countingRandom(),
      machineId: "machine",
      bootId: "boot",
    });
    return new Stage(clock, { store, journal, hasKeys });
  }

  private constructor(
    clock: FakeClock,
    { store, journal, hasKeys }: {
      store: Store;
      journal: Awaited<ReturnType<typeof openJournal>>;
      hasKeys: boolean;
    },
  ) {
    this.clock = clock;
    this.#store = store;
    this.manager = new ManagerCore({
      store,
      clock,
      random: countingRandom(),
      identity: {
        addresses: [],
        serverName: "",
        caCertificate: new Uint8Array(),
      },
      data: DATA,
      proof: hasKeys ? MANAGER_PROOF : undefined,
      pingIntervalMs: 15_000,
      keepBytes: 1_000_000n,
      unlimitedOperations: [],
      checkParams: () => {},
    });
    this.#answer = (transport) => this.manager.serve(transport);
    this.#agent = new AgentCore({
      identity: {
        name: AGENT,
        secret: SECRET,
        facts: { hostname: AGENT },
        agentKey: hasKeys
          ? {
            ...MANAGER_PROOF,
            key: testKey(2),
            pinned: undefined,
            pin: () => Promise.resolve(),
            keepNext: () => Promise.resolve(),
            adopt: () => Promise.resolve(),
          }
          : undefined,
      },
      audit: NO_AUDIT,
      journal,
      workers: this.workers,
      clock,
      random: countingRandom(),
      dial: () => Promise.resolve(this.#dial()),
      endSurvivors: () => Promise.resolve({ signalled: 0, alive: [] }),
    });
  }

  /** Adds the agent's entry, as if it had joined. */
  async knows(secret = SECRET): Promise<void> {
    const tokenHash = hashSecret("token");
    await this.#store.addAgent({
      id: AGENT,
      groups: [],
      cidrs: [],
      tokenHash,
      tokenExpiresAt: Number.MAX_SAFE_INTEGER,
      addedAt: this.clock.now(),
    });
    await this.#store.enrolAgent(AGENT, {
      tokenHash,
      secretHash: hashSecret(secret),
      at: this.clock.now(),
    });
  }

  /** Starts our Manager with an entry in its audit, which it signs. */
  async signsAudit(): Promise<void> {
    await this.#store.recordAudit(anEntry());
    await this.manager.load();
  }

  note(text: string): void {
    this.lines.push({ kind: "note", text });
  }

  /** Starts our Agent. It dials at once. */
  async agentStarts(): Promise<void> {
    await this.#agent.start();
    await this.clock.settle();
  }

  /** Leads the Agent to a Manager played by a script. Returns that once the Agent has dialled. */
  async scriptedManager(): Promise<ScriptedPeer> {
    const dialled = Promise.withResolvers<ScriptedPeer>();
    this.#answer = (transport) => dialled.resolve(this.#scripted(transport));
    await this.agentStarts();
    return await dialled.promise;
  }

  /** Dials our Manager, as an agent played by a script. */
  scriptedAgent(): ScriptedPeer {
    return this.#scripted(this.#dial());
  }

  /** Ends the connection as a network would. */
  async cut(): Promise<void> {
    this.#cut();
    await this.clock.settle();
  }

  /** Requests a command, as an operator would. Returns its id. */
  async run(operation: string, params: unknown): Promise<bigint> {
    const { commands: [command] } = await this.manager.commands.run({
      agents: [AGENT],
      operation,
      params: JSON.stringify(params),
      requestId: `request ${++this.#requests}`,
      onDisconnect: "continue",
      requestedBy: "operator",
    });
    await this.clock.settle();
    return command?.id ?? 0n;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Later frames do not belong to the session.
    this.#record = () => {};
    this.#cut();
    for (const peer of this.#peers) peer.hangUp();
    const stopped = this.#agent.stop();
    const down = this.manager.shutdown();
    await this.clock.advance(30_000);
    await Promise.all([stopped, down]);
    await this.#store[Symbol.asyncDispose]();
  }

  #scripted(transport: Transport): ScriptedPeer {
    const peer = new ScriptedPeer(transport);
    this.#peers.push(peer);
    return peer;
  }

  /** Makes a connection, and returns the dialling side's end. */
  #dial(): Transport {
    const [agents, managers] = memoryTransports();
    this.#cut = () => {
      agents.close();
      managers.close();
    };
    this.#answer(this.#noted("manager", managers));
    return this.#noted("agent", agents);
  }

  #noted(from: Side, transport: Transport): Transport {
    const frames = new Frames((bytes, message) =>
      this.#record({ kind: "frame", from, bytes, message })
    );
    return {
      peer: { host: "192.0.2.7", port: 40_000 },
      read: () => transport.read(),
      write: async (bytes) => {
        const written = await transport.write(bytes);
        frames.push(bytes.slice(0, written));
        return written;
      },
      close: () => transport.close(),
    };
  }

  #record = (line: Line): void => {
    this.lines.push(line);
  };
}

/** Splits the bytes that one side writes into frames. */
class Frames {
  readonly #found: (bytes: Uint8Array, message: Message) => void;
  #pending: number[] = [];

  constructor(found: (bytes: Uint8Array, message: Message) => void) {
    this.#found = found;
  }

  push(bytes: Uint8Array): void {
    this.#pending.push(...bytes);
    while (this.#pending.length >= 4) {
      const all = new Uint8Array(this.#pending);
      const end = 4 + new DataView(all.buffer).getUint32(0);
      if (all.length < end) return;
      const frame = all.slice(0, end);
      this.#pending = this.#pending.slice(end);
      this.#found(frame, fromBinary(MessageSchema, frame.subarray(4)));
    }
  }
}

/** Data of a Manager: one setting, and one file of three bytes. */
const DATA: DataService = {
  answer(_owner, type, params) {
    if (type === "data") return Promise.resolve('"blue"');
    if (type !== "file_content") {
      return Promise.reject(new Error(`${type} is not in these sessions`));
    }
    const { offset } = JSON.parse(params);
    return Promise.resolve(new TextEncoder().encode("abc").slice(offset));
  },
};
