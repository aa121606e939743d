import { messageOf } from "../../lib/base/errors.ts";
import { hashSecret } from "../../lib/base/secret.ts";
import { ManagerCore } from "../../lib/manager/core.ts";
import type { NewCommand, OutputRange } from "../../lib/store/records.ts";
import type { StoreMethod } from "../support/store_requests.ts";
import { Life } from "./life.ts";
import { type DiskBackup, ManagerDisk } from "./manager_disk.ts";
import { Mortal } from "./mortal.ts";
import { plantedAnswer, plantedRandom, plantedRequest } from "./plants.ts";
import { Records } from "./records.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { simulatedStore } from "./simulated_store.ts";
import { keyOf, SIMULATED_PROOF } from "./simulated_keys.ts";
import { hex } from "./truth.ts";
import type { World } from "./world.ts";

/** Limit of output that waits for the disk, for each agent. All agents together may have this times their count. */
const UNWRITTEN_BYTES = 4 * 1_048_576 + 65_536;

/** Manager with its disk, and the facts about both. */
export class SimulatedManager extends Mortal implements AsyncDisposable {
  readonly wall = { offsetMs: 0 };
  readonly records: Records;
  /** Duration of a commit, in milliseconds. */
  commitMs = 2;
  /** Probability that a commit fails. */
  failing = 0;
  /** True if it was restored from a backup. */
  wasRestored = false;
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #disk: ManagerDisk;
  #core: ManagerCore | undefined;
  #listens = () => {};
  #starts = 0;
  #isAway = false;

  constructor(world: World) {
    super();
    this.#world = world;
    this.#random = world.random.fork("manager");
    const birth = new Life(this.#random, () => {});
    this.#disk = new ManagerDisk(
      birth.clock(world.time, this.wall),
      this.#random.fork("database"),
    );
    this.records = new Records(world.truth, {
      keepBytes: world.keepBytes,
      isDoubled: (agent) => world.isDoubled(agent),
      hasNewInstance: (agent) => world.hasNewInstance(agent),
    });
  }

  /** The program, while it runs and has read its database. */
  get core(): ManagerCore | undefined {
    return this.isAlive ? this.#core : undefined;
  }

  get store(): ManagerDisk["store"] {
    return this.#disk.store;
  }

  /** Makes entries for agents that have joined. */
  async knows(names: readonly string[]): Promise<void> {
    const tokenHash = hashSecret("token");
    await Promise.all(names.flatMap((id) => [
      this.store.addAgent({
        id,
        groups: [],
        cidrs: [],
        tokenHash,
        tokenExpiresAt: Number.MAX_SAFE_INTEGER,
        addedAt: 0,
      }),
      this.store.enrolAgent(id, {
        tokenHash,
        secretHash: hashSecret(`secret of ${id}`),
        publicKey: keyOf(id).publicKey,
        at: 0,
      }),
    ]));
  }

  start(): void {
    if (this.isAlive || this.#isAway) return;
    const { trace } = this.#world;
    this.#starts++;
    const life: Life = new Life(
      this.#random.fork(`life ${this.#starts}`),
      () => this.#died(life),
    );
    this.lives(life);
    trace.add(`MANAGER starts`);
    void this.#run(life);
  }

  /** Asks it to end in order, and starts it again. */
  async stop(awayMs: number): Promise<void> {
    const life = this.life;
    const { trace, network } = this.#world;
    if (life === undefined || !life.isAlive || this.#core === undefined) return;
    trace.add("MANAGER is asked to stop");
    network.server = undefined;
    await this.#core.shutdown();
    if (!life.isAlive) return;
    this.awayMs = awayMs;
    this.end("kill");
  }

  /** Listens anew, as for another certificate. Live connections stay. */
  async listenAgain(): Promise<void> {
    const { time, network, trace } = this.#world;
    const { life } = this;
    if (life === undefined || network.server === undefined) return;
    trace.add("MANAGER shows another certificate");
    network.server = undefined;
    await time.pass(1);
    if (this.life === life && life.isAlive) this.#listens();
  }

  /** Copies the database as it is now. */
  backup(): DiskBackup {
    this.#world.trace.add("a backup of the Manager is made");
    return this.#disk.backup();
  }

  /** Ends the Manager, restores a backup, and starts it. */
  async restore(backup: DiskBackup, awayMs: number): Promise<void> {
    const { time, trace, truth } = this.#world;
    this.#isAway = true;
    this.end("kill");
    time.underWay++;
    trace.add("the Manager's database is PUT BACK from a backup");
    await this.#disk.restore(backup);
    this.wasRestored = true;
    truth.unbar();
    await this.records.read(this.store);
    await this.#world.jobRules?.read(this.store);
    time.underWay--;
    time.after(awayMs, () => {
      this.#isAway = false;
      this.start();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disk[Symbol.asyncDispose]();
  }

  async #run(life: Life): Promise<void> {
    const { time, truth, network, keepBytes, trace, plant, keys } = this.#world;
    const core = new ManagerCore({
      store: this.#simulatedStore(life),
      clock: life.clock(time, this.wall),
      random: plantedRandom(
        plant,
        this.#random.fork(`random ${this.#starts}`),
      ),
      identity: {
        addresses: ["mgr:7051"],
        serverName: "mgr.piri.internal",
        caCertificate: new Uint8Array([1]),
      },
      data: {
        answer: async () => {
          await life.call(() => time.pass(5));
          return "a setting";
        },
      },
      proof: keys === undefined ? SIMULATED_PROOF : {
        get key() {
          return keys.managerKey;
        },
        get authority() {
          return keys.authority.hash;
        },
        serverName: SIMULATED_PROOF.serverName,
      },
      keys,
      pingIntervalMs: 15_000,
      keepBytes,
      unlimitedOperations: [],
      checkParams: () => {},
      maxHellos: this.#world.maxHellos,
    });
    try {
      await core.load();
    } catch (error) {
      truth.must(false, () => `the Manager cannot start: ${messageOf(error)}`);
    }
    this.#core = core;
    this.#listens = () => {
      network.server = {
        life,
        get authority() {
          return keys?.authority.hash;
        },
        accept: (transport) => core.serve(transport),
      };
    };
    this.#listens();
    trace.add("MANAGER listens");
  }

  #died(life: Life): void {
    const { time, trace, network } = this.#world;
    const silently = this.takeDeath() === "power";
    trace.add(`MANAGER DIES${silently ? " with its machine" : ""}`);
    this.#core = undefined;
    network.server = undefined;
    time.after(0, () => network.closeAllOf(life, { silently }));
    time.after(this.awayMs, () => this.start());
  }

  #simulatedStore(life: Life): ReturnType<typeof simulatedStore> {
    const { time, trace, truth, plant, agentCount } = this.#world;
    return simulatedStore(this.store, {
      life,
      time,
      random: this.#random.fork(`store ${this.#starts}`),
      commitMs: () => this.commitMs,
      failing: () => this.failing,
      written: (method, args) => {
        trace.add(inWords(method, args));
        this.records.note(method, args);
      },
      changed: (method, args) => plantedRequest(plant, method, args),
      answered: (method, answer, args) => {
        if (method === "createCommands") this.records.created(answer);
        if (method === "startEntries") this.records.started(args, answer);
        this.#world.jobRules?.wrote(method, args, answer);
        return plantedAnswer(plant, method, { args, answer });
      },
      hasty: plant === "ack-before-fsync",
      waiting: (bytes) =>
        truth.must(
          bytes <= UNWRITTEN_BYTES * agentCount,
          () => `${bytes} bytes of output wait for the Manager's disk`,
        ),
    });
  }
}

/** Describes a write to the database in a few words. */
function inWords(method: StoreMethod, args: readonly unknown[]): string {
  const [first, second] = args;
  switch (method) {
    case "createCommands":
      return `db: ${
        (first as readonly NewCommand[]).map((each) =>
          `${each.agent}/${hex(each.nonce)} ${each.state}`
        ).join(" ")
      }`;
    case "patchCommand":
      return `db: command ${short(first)}`;
    case "appendOutput": {
      const { stream, offset, bytes, cut, keep, drop } = second as {
        stream: string;
        offset: bigint;
        bytes: Uint8Array;
        cut: bigint;
        keep: boolean;
        drop?: OutputRange;
      };
      return `db: ${stream} of ${first} at ${offset} ${bytes.length} bytes, cut ${cut}${
        keep ? "" : ", not kept"
      }${drop ? `, drops ${drop.from} to ${drop.below}` : ""}`;
    }
    case "addEvent":
      return `event: ${(first as { message: string }).message}`;
    default:
      return `db: ${method} ${short(first)} ${short(second)}`;
  }
}

function short(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, part) => typeof part === "bigint" ? String(part) : part,
  );
}
