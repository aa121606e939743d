import {
  readCommandResult,
  writeCommandResult,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { AgentCore } from "../../lib/agent/core.ts";
import { openJournal } from "../../lib/agent/journal/disk_journal.ts";
import type { Journal, JournalEntry } from "../../lib/agent/journal/journal.ts";
import type { JournalLimits } from "../../lib/agent/journal/limits.ts";
import { shrunkResult } from "../../lib/agent/runner/result.ts";
import { markerOf } from "../../lib/agent/runner/settle_past.ts";
import {
  AgentTrust,
  type Authority,
} from "../../lib/agent/link/agent_trust.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { sameHash } from "../../lib/base/secret.ts";
import type { Transport } from "../../lib/wire/transport.ts";
import type { TrustStatement } from "../../lib/wire/trust.ts";
import type { AgentSession } from "../../lib/agent/link/session.ts";
import { messageOf } from "../../lib/base/errors.ts";
import type { StoredNextKey } from "../../lib/agent/link/key_proof.ts";
import { SigningKey } from "../../lib/base/signing_key.ts";
import { LIVENESS } from "../../lib/wire/liveness.ts";
import { MemoryDisk, type MemoryDiskOptions } from "../support/memory_disk.ts";
import { Host } from "./host.ts";
import { Life } from "./life.ts";
import { type Death, Mortal } from "./mortal.ts";
import { HastyJournal, lyingDisk } from "./plants.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { keyOf, SIMULATED_PROOF } from "./simulated_keys.ts";
import type { World } from "./world.ts";
import { decode } from "../../lib/protobuf/protobuf_reader.ts";
import { encode } from "../../lib/protobuf/protobuf_writer.ts";

/** Delay before an agent that could not start is started again, in milliseconds. */
const START_AGAIN_MS = 5_000;

/**
 * Longest time of a stop, in milliseconds: the grace, giving up after it, the last acknowledgements, and a full or
 * failing disk.
 */
const STOP_MS = 60_000;

/** Move of a journal to another machine. */
export interface Move {
  /** Older copy of the journal to move; undefined for the journal itself. */
  readonly image: MemoryDisk | undefined;
  /**
   * True if the other machine has the same machine id, as copies of an image and containers have: the instance stays.
   */
  readonly isTwin: boolean;
  /** Death of the agent on the old machine. */
  readonly death: Death;
  readonly awayMs: number;
}

/** Agent with the disk of its machine, and the facts about both. */
export class SimulatedAgent extends Mortal {
  readonly name: string;
  readonly wall = { offsetMs: 0 };
  /** True if its disk was lost, came back in an older state, or was copied. */
  diskLost = false;
  /** True if another machine has a copy of it. */
  wasCopied = false;
  /** True if it has an older or copied journal with the same instance. */
  doubled = false;
  /** True if its journal comes from another machine: it reports lost commands again, as another instance. */
  hasNewInstance = false;
  /** True if its disk gave errors or was full: output may be cut. */
  outputMayBeCut = false;
  /** True if it stays away for good. */
  isGone = false;
  syncMs = 0;
  failing = 0;
  journal: Journal | undefined;
  /** Count of its starts. */
  startNumber = 0;
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #isClone: boolean;
  readonly #label: string;
  #host: Host;
  #machineId: string;
  #disk: MemoryDisk;
  #core: AgentCore | undefined;
  /** Death of its last run, until its disk was checked. */
  #crash: Death | undefined;
  #hasLostPower = false;
  /** Commands that were finished when the power failed: their output was on the disk. */
  readonly #whole = new Set<bigint>();
  /** Commands that had not finished when it last died. */
  #unfinished: readonly bigint[] = [];
  readonly #leftBehind = new Set<bigint>();
  /** Key of the Manager, as the disk has it. */
  #pinned: Uint8Array | undefined;
  /** Keys of the agent, as the disk has them. */
  #keyPem: string | undefined;
  #next: StoredNextKey | undefined;
  /** Newest statement of the Manager about its keys, as the disk has it. */
  #told: TrustStatement | undefined;
  #moves = 0;
  #boots = 0;
  #mayStart = true;
  #stillSince = 0;

  constructor(
    world: World,
    name: string,
    { from, isTwin = true }: { from?: SimulatedAgent; isTwin?: boolean } = {},
  ) {
    super();
    this.#label = from === undefined
      ? name
      : `${name} clone ${from.startNumber}`;
    this.name = name;
    this.#world = world;
    this.#random = world.random.fork(`agent ${this.#label}`);
    this.#machineId = from === undefined || !isTwin
      ? `machine of ${this.#label}`
      : from.#machineId;
    this.hasNewInstance = !isTwin;
    this.#isClone = from !== undefined;
    this.#boots = from === undefined ? 0 : from.#boots + 1_000;
    this.#disk = from === undefined
      ? new MemoryDisk(this.#diskOptions())
      : from.#disk.copy(this.#diskOptions());
    this.#host = this.#newHost("host");
  }

  /** Machine on which it runs now. */
  get host(): Host {
    return this.#host;
  }

  /** Connection of the agent, once the Manager has admitted it. */
  get session(): AgentSession | undefined {
    return this.isAlive ? this.#core?.session : undefined;
  }

  get diskIsGood(): boolean {
    return !this.outputMayBeCut;
  }

  /** True if a command's output may have a cut by now. */
  mayHaveCut(nonce: bigint): boolean {
    return this.outputMayBeCut || this.#hasLostPower && !this.#whole.has(nonce);
  }

  /** True once a machine of it was switched off, or its journal has moved: then programs do not outlive it. */
  get hasLeftHosts(): boolean {
    return this.#boots > 0 || this.#moves > 0;
  }

  /** True if a command went on at a machine that its agent has left. */
  wasLeftBehind(nonce: bigint): boolean {
    return this.#leftBehind.has(nonce);
  }

  isEnding(entry: JournalEntry): boolean {
    return this.host.isEnding(markerOf(entry));
  }

  /** Makes everything on its disk durable. */
  settleDisk(): void {
    this.#disk.settle();
  }

  get usedBytes(): number {
    return this.#disk.used;
  }

  /** Stops the program without its knowledge, for a time, as SIGSTOP does. */
  standStill(ms: number): void {
    const { life } = this;
    if (life === undefined || !life.isAlive || life.standsStill) return;
    const { time, trace } = this.#world;
    trace.add(`${this.#label} STANDS STILL for ${ms} ms`);
    life.standStill();
    this.#stillSince = time.elapsed;
    time.after(ms, () => {
      if (this.life === life) this.goOn();
    });
  }

  /** Lets the program go on if it stands still. */
  goOn(): void {
    const { life } = this;
    if (life === undefined || !life.isAlive || !life.standsStill) return;
    const { time, trace } = this.#world;
    trace.add(`${this.#label} goes on`);
    const ms = time.elapsed - this.#stillSince;
    // From here on it must ask what holds before it begins anything.
    if (ms > LIVENESS.timeoutMs) {
      this.#world.barAll(this.name, `${this.#label} stood still for ${ms} ms`);
    }
    life.goOn();
  }

  /** Starts the program. It starts again by itself if it cannot. */
  start(): void {
    if (this.isAlive || !this.#mayStart || this.isGone) return;
    const { trace } = this.#world;
    this.startNumber++;
    if (this.#crash !== undefined) {
      this.#disk = this.#disk.afterCrash(this.#crash, this.#diskOptions());
      this.#crash = undefined;
    }
    const life: Life = new Life(
      this.#random.fork(`life ${this.startNumber}`),
      () => this.#died(life),
    );
    this.lives(life);
    trace.add(`${this.host.options.agent} starts`);
    this.#run(life).catch((error) => {
      if (!life.isAlive) return;
      trace.add(`${this.name} cannot start: ${messageOf(error)}`);
      this.awayMs = START_AGAIN_MS;
      life.end();
    });
  }

  /** Asks it to end in order, and starts it again. */
  async stop(awayMs: number): Promise<void> {
    const life = this.life;
    if (life === undefined || !life.isAlive) return;
    const { trace, time, truth } = this.#world;
    trace.add(`${this.name} is asked to stop`);
    await new Promise<void>((resolve) => life.whenItRuns(resolve));
    this.awayMs = awayMs;
    let hasStopped = false;
    time.after(STOP_MS, () =>
      truth.must(
        hasStopped || !life.isAlive,
        () => `${this.name} has not stopped within ${STOP_MS} ms`,
      ));
    await this.#core?.stop();
    hasStopped = true;
    if (!life.isAlive) return;
    trace.add(`${this.name} has stopped`);
    this.end("kill");
  }

  /** Ends it for good. */
  leave(): void {
    this.isGone = true;
    this.#mayStart = false;
    this.end("kill");
  }

  /** Copy of the disk as it is now, for `restore`. */
  image(): MemoryDisk {
    return this.#disk.copy(this.#diskOptions());
  }

  /** Replaces the disk by an older or an empty one, and starts the machine again. */
  replaceDisk(image: MemoryDisk | undefined, awayMs: number): void {
    this.awayMs = awayMs;
    this.end("power");
    this.host.powerOff();
    this.#boots++;
    this.#disk = image ?? new MemoryDisk(this.#diskOptions());
    this.#crash = undefined;
    this.diskLost = true;
    this.outputMayBeCut = true;
    if (image !== undefined) this.doubled = true;
  }

  /** Moves its journal to a machine on which none of its commands run. Those on the old machine continue. */
  move({ image, isTwin, death, awayMs }: Move): void {
    this.awayMs = awayMs;
    this.end(death);
    this.#moves++;
    this.#host = this.#newHost(`host ${this.#moves}`);
    this.#world.trace.add(
      `the journal of ${this.name}${image === undefined ? "" : " (a copy)"} ${
        isTwin ? "MOVES to a twin" : "MOVES to another machine"
      }`,
    );
    this.#boots += 1_000;
    if (!isTwin) {
      this.#machineId = `machine ${this.#moves} of ${this.#label}`;
      this.hasNewInstance = true;
      for (const nonce of this.#unfinished) this.#leftBehind.add(nonce);
    }
    if (image === undefined) return;
    this.#disk = image;
    this.#crash = undefined;
    this.diskLost = true;
    this.outputMayBeCut = true;
    this.doubled ||= isTwin;
  }

  /** True if the disk has no free space. */
  get isFull(): boolean {
    return this.#disk.capacity < Infinity;
  }

  set isFull(isFull: boolean) {
    this.#disk.capacity = isFull ? this.#disk.used + 200 : Infinity;
    this.outputMayBeCut = true;
  }

  /** True once it has the key of its Manager. */
  get knowsTheManager(): boolean {
    return this.#pinned !== undefined;
  }

  async #run(life: Life): Promise<void> {
    const { time, network, plant, journalLimits } = this.#world;
    const clock = life.clock(time, this.wall);
    const random = this.#random.fork(`random ${this.startNumber}`);
    const disk = this.#disk;
    const journal = await life.guarded(openJournal({
      disk: plant === "ack-before-fsync" ? lyingDisk(disk) : disk,
      random,
      machineId: this.#machineId,
      bootId: `boot ${this.#boots}`,
      limits: journalLimits,
      shrinkResult: (bytes) =>
        encode(
          writeCommandResult,
          shrunkResult(decode(readCommandResult, bytes)),
        ),
    }));
    this.journal = journal;
    const { trust, authority } = this.#trust(life);
    const core = new AgentCore({
      identity: {
        name: this.name,
        secret: `secret of ${this.name}`,
        facts: {},
        agentKey: {
          key: this.#keyPem === undefined
            ? keyOf(this.name)
            : new SigningKey(this.#keyPem),
          authority,
          trust,
          serverName: SIMULATED_PROOF.serverName,
          next: this.#next,
          keepNext: (next) =>
            life.call(() => {
              this.#next = next;
              return Promise.resolve();
            }),
          adopt: (pem) =>
            life.call(() => {
              this.#keyPem = pem;
              this.#next = undefined;
              return Promise.resolve();
            }),
          pinned: plant === "impostor-believed" ? undefined : this.#pinned,
          pin: (key) =>
            life.call(() => {
              this.#pinned = key;
              return Promise.resolve();
            }),
        },
      },
      journal: plant === "list-before-settle"
        ? new HastyJournal(journal, time, () => this.#isConnected(life)).journal
        : journal,
      audit: this.#world.hosts.audit(this.name),
      workers: this.host.workers(life, this.startNumber),
      clock,
      random,
      ...plant === "begin-after-standstill" ? { standstillMs: Infinity } : {},
      dial: (signal) =>
        life.call(async () => {
          const transport = await network.dial(this.name, { life, signal });
          return certified(transport, trust?.authorities);
        }),
      endSurvivors: (_processes, marker) =>
        life.call(() => this.host.endSurvivors(marker)),
      survivors: this.host.surviving.survivors(life),
    });
    this.#core = core;
    await life.guarded(core.start());
  }

  /** Keys that it trusts, in a world in which they are rotated, and the authority that it joined with. */
  #trust(life: Life): { trust: AgentTrust | undefined; authority: Uint8Array } {
    const { keys } = this.#world;
    if (keys === undefined) {
      return { trust: undefined, authority: SIMULATED_PROOF.authority };
    }
    const { certificate, hash } = keys.first;
    const pinned = this.#pinned && new Uint8Array(this.#pinned);
    const trust = new AgentTrust({
      joined: certificate,
      pinned,
      told: this.#told,
      keep: (statement) =>
        life.call(() => {
          this.#told = statement;
          return Promise.resolve();
        }),
    });
    return { trust, authority: hash };
  }

  /** Number of authorities and keys of Managers that its disk says it trusts; 0 before it was told. */
  get trusted(): number {
    const { authorities = [], managerKeys = [] } = this.#told ?? {};
    return authorities.length + managerKeys.length;
  }

  #isConnected(life: Life): boolean {
    return [...this.#world.network.wires].some((wire) =>
      wire.agentLife === life && !wire.agentEnd.isShut && !wire.isBroken
    );
  }

  /** Handles its death, in the middle of a call: the rest of the world hears of it in its own turn. */
  #died(life: Life): void {
    const { time, trace, network } = this.#world;
    const death = this.takeDeath();
    trace.add(`${this.host.options.agent} DIES (${death})`);
    // Its last call may still do a part of its work; the next start finds the result.
    this.#disk.crash();
    this.#crash = death;
    this.host.orphan(life);
    this.#unfinished = this.journal?.entries()
      .filter(({ state }) => state !== "finished")
      .map(({ nonce }) => nonce) ?? this.#unfinished;
    if (death === "power") {
      this.#boots++;
      this.#hasLostPower = true;
      for (const { state, nonce } of this.journal?.entries() ?? []) {
        if (state === "finished") this.#whole.add(nonce);
      }
      this.host.powerOff();
    }
    this.journal = undefined;
    this.#core = undefined;
    time.after(this.awayMs, () => this.start());
    time.after(
      0,
      () => network.closeAllOf(life, { silently: death === "power" }),
    );
  }

  #newHost(randomName: string): Host {
    const { time, truth, trace, hosts } = this.#world;
    return new Host({
      agent: this.#label,
      program: () => hosts.program(this.name),
      time,
      truth,
      trace,
      random: this.#random.fork(randomName),
      plant: this.#world.plant,
      mayRepeat: () =>
        this.#world.managerDiskLost && this.#world.agentDiskLost(this.name),
    });
  }

  #diskOptions(): MemoryDiskOptions {
    const random = this.#random.fork(`disk ${this.startNumber}`);
    return {
      fraction: () => random.fraction(),
      fault: ({ kind }) => {
        const life = this.life;
        if (life !== undefined && life.isAlive && !life.passes()) {
          return "crash";
        }
        const mayFail = kind === "append" || kind === "sync" ||
          kind === "replace";
        if (!mayFail || !random.chance(this.failing)) return undefined;
        this.outputMayBeCut = true;
        return "error";
      },
      delay: async ({ kind }) => {
        const { life } = this;
        if (kind === "sync" || kind === "replace") {
          await this.#world.time.pass(random.fraction() * this.syncMs);
        }
        if (life?.standsStill !== true) return;
        await new Promise<void>((resolve) => life.whenItRuns(resolve));
      },
    };
  }

  /** True while the program stands still. */
  get standsStill(): boolean {
    return this.life?.standsStill ?? false;
  }

  /** True if it is the copy of another agent. */
  get isClone(): boolean {
    return this.#isClone;
  }
}

/** Sizes of a journal that a small run can fill. */
export const SMALL_JOURNAL: Partial<JournalLimits> = {
  reserve: 8_192,
  reserveRecord: 1_024,
  reserveOutput: 2_048,
  segment: 4_096,
  compactAt: 8_192,
};

/** The connection to a Manager that one of these authorities certifies, as TLS makes it. */
function certified(
  transport: Transport,
  authorities: readonly Authority[] | undefined,
): Transport {
  const { authority } = transport;
  const isTrusted = authorities === undefined || authority !== undefined &&
      authorities.some(({ hash }) => sameHash(hash, authority));
  if (isTrusted) return transport;
  transport.close();
  throw new PiriError("DENIED", "Cannot trust the Manager: planned");
}
