import type { MemoryDisk } from "../support/memory_disk.ts";
import {
  FAULT_CHANCE,
  FAULT_KINDS,
  type FaultKind,
  TRAPPED_KINDS,
} from "./fault_kinds.ts";
import type { DiskBackup } from "./manager_disk.ts";
import type { DeathTimes } from "./mortal.ts";
import type { Network, Wire } from "./network.ts";
import type { Operator } from "./operator.ts";
import { LASTING, TALKATIVE } from "./program.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { SimulatedAgent } from "./simulated_agent.ts";
import type { SimulatedManager } from "./simulated_manager.ts";
import type { Traps } from "./traps.ts";
import type { World } from "./world.ts";

/** Parts that faults happen to. */
export interface FaultTargets {
  readonly agents: readonly SimulatedAgent[];
  readonly manager: SimulatedManager;
  readonly network: Network;
  readonly traps: Traps;
  readonly operator: Operator;
  /** Adds a second machine that is a copy of this one. A twin has the same machine id. */
  readonly clone: (agent: SimulatedAgent, isTwin: boolean) => SimulatedAgent;
}

/** Causes faults, chosen by a seed, until it is told to stop. */
export class Faults {
  readonly kinds: readonly FaultKind[];
  readonly #world: World;
  readonly #targets: FaultTargets;
  readonly #random: SeededRandom;
  readonly #images = new Map<SimulatedAgent, MemoryDisk>();
  #backup: DiskBackup | undefined;

  constructor(world: World, targets: FaultTargets) {
    this.#world = world;
    this.#targets = targets;
    this.#random = world.random.fork("faults");
    this.kinds = FAULT_KINDS.filter((kind) =>
      kind !== "restore" && this.#random.chance(FAULT_CHANCE[kind] ?? 0.45)
    ).flatMap((kind) => kind === "backup" ? [kind, "restore"] : [kind]);
  }

  /** Causes one fault. */
  strike(): void {
    if (this.kinds.length === 0) return;
    const { trace } = this.#world;
    const kind = this.#random.pick(this.kinds);
    trace.add(`FAULT ${kind}`);
    this.#do(kind, this.#someAgent());
  }

  #someAgent(): SimulatedAgent {
    const { agents } = this.#targets;
    const { focus } = this.#world;
    const focused = agents.filter(({ name }) => focus.includes(name));
    return this.#random.pick(this.#random.chance(0.6) ? focused : agents);
  }

  /**
   * Ends all faults that last: links, disks and clocks are good again, and all programs that should run are started.
   */
  heal(): void {
    const { agents, manager, network, traps } = this.#targets;
    traps.clear();
    this.#world.trace.add("ALL FAULTS END");
    network.heal();
    manager.commitMs = 1;
    manager.failing = 0;
    manager.spare();
    manager.start();
    for (const agent of agents) {
      agent.spare();
      agent.goOn();
      agent.failing = 0;
      agent.syncMs = 0;
      if (agent.isFull) agent.isFull = false;
      if (agent.isClone) agent.leave();
      else agent.start();
    }
  }

  #do(kind: FaultKind, agent: SimulatedAgent): void {
    const random = this.#random;
    const { manager } = this.#targets;
    switch (kind) {
      case "cut":
        return this.#cut(this.#wire());
      case "halfOpen":
        return this.#wire()?.break({
          agentHearsMs: random.pick([0, Infinity]),
          managerHearsMs: Infinity,
          upLagMs: random.pick([undefined, 5_000]),
          downLagMs: undefined,
        });
      case "stall": {
        const wire = this.#wire();
        const pipe = random.chance(0.5) ? wire?.up : wire?.down;
        return pipe?.stall(random.pick([500, 5_000, 20_000, 90_000]));
      }
      case "slow": {
        const wire = this.#wire();
        const bytesPerMs = random.pick([1, 5, 50]);
        const capacity = random.pick([4_096, 1_048_576]);
        wire?.up.slow({ bytesPerMs, capacity });
        return wire?.down.slow({ bytesPerMs, capacity });
      }
      case "partition":
        return this.#partition(agent.name);
      case "trap":
        return this.#trap(agent);
      case "lateHello":
        return this.#lateHello(agent);
      case "lateOutput":
        return this.#lateOutput(agent);
      case "lateLost":
        return this.#lateLost(agent);
      case "backupOfQueued":
        return this.#backupOfQueued(agent);
      case "leave":
        // At most one agent stays away for good.
        return this.#targets.agents.some(({ isGone }) => isGone)
          ? undefined
          : agent.leave();
      case "standStill":
        return this.#standStill(agent);
      case "killAgent":
        return agent.die("kill", this.#death());
      case "stopAgent":
        return void agent.stop(random.whole(0, 5_000));
      case "powerOff":
        return agent.die("power", this.#death());
      case "killManager":
        return manager.die("kill", this.#death());
      case "stopManager":
        return void manager.stop(random.whole(0, 5_000));
      case "managerPowerOff":
        return manager.die("power", this.#death());
      default:
        return this.#doToDisks(kind, agent);
    }
  }

  #doToDisks(kind: FaultKind, agent: SimulatedAgent): void {
    const random = this.#random;
    const { manager } = this.#targets;
    switch (kind) {
      case "backup":
        return this.#makeBackup();
      case "restore":
        return this.#backup === undefined
          ? undefined
          : this.#restore(this.#backup);
      case "wipe":
        return agent.replaceDisk(undefined, random.whole(0, 10_000));
      case "rollBack": {
        const image = this.#images.get(agent);
        if (image === undefined) {
          this.#images.set(agent, agent.image());
          return;
        }
        this.#images.delete(agent);
        return agent.replaceDisk(image, random.whole(0, 10_000));
      }
      case "clone":
        return this.#clone(agent);
      case "move":
        return this.#move(agent);
      case "slowDisk":
        agent.syncMs = random.pick([10, 200, 4_000]);
        return this.#later(15_000, () => agent.syncMs = 0);
      case "failingDisk":
        agent.failing = random.pick([0.02, 0.3, 1]);
        return this.#later(10_000, () => agent.failing = 0);
      case "fullDisk":
        agent.isFull = true;
        return this.#later(15_000, () => agent.isFull = false);
      case "slowStore":
        return this.#slowStore(random.pick([20, 400, 3_000]), 20_000);
      case "failingStore":
        manager.failing = random.pick([0.05, 0.3, 1]);
        manager.records.mayHaveHoles = true;
        return this.#later(10_000, () => manager.failing = 0);
      case "clockJump": {
        const wall = random.chance(0.5) ? agent.wall : manager.wall;
        wall.offsetMs += random.pick([-1, 1]) * random.whole(1, 4_000_000_000);
        return;
      }
      default:
        throw new TypeError(`There is no fault "${kind}"`);
    }
  }

  /** Makes a backup, one in each run; most of them are restored before the end. */
  #makeBackup(): void {
    const random = this.#random;
    const { manager } = this.#targets;
    if (this.#backup !== undefined) return;
    const backup = manager.backup();
    this.#backup = backup;
    if (random.chance(0.3)) return;
    this.#later(random.whole(100, 40_000), () => this.#restore(backup));
  }

  #restore(backup: DiskBackup): void {
    const { manager, network } = this.#targets;
    if (manager.wasRestored || network.healed) return;
    void manager.restore(backup, this.#random.whole(0, 3_000));
  }

  /** Stops an agent for a while, in which somebody asks for a command and ends it. */
  #standStill(agent: SimulatedAgent): void {
    const random = this.#random;
    const { operator } = this.#targets;
    const { name } = agent;
    const ms = random.pick([3_000, 9_000, 12_000, 30_000, 60_000]);
    const begin = () => {
      agent.standStill(ms);
      for (let count = random.whole(0, 3); count > 0; count--) {
        this.#later(random.whole(0, 2_000), () => operator.run(name));
      }
      this.#later(
        random.whole(100, ms + 3_000),
        () => operator.endNewestOf(name),
      );
    };
    // In the middle of taking a command, or at any time.
    if (random.chance(0.5)) return begin();
    const afterMs = random.pick([0, 3, 30]);
    agent.syncMs = random.pick([0, 30, 300]);
    this.#later(15_000, () => agent.syncMs = 0);
    this.#targets.traps.arm(name, "command", () => this.#later(afterMs, begin));
    operator.run(name);
  }

  #partition(name: string): void {
    const { network } = this.#targets;
    network.partitioned.add(name);
    for (const wire of this.#wiresOf(name)) wire.goSilent();
    this.#later(
      this.#random.whole(1_000, 60_000),
      () => network.partitioned.delete(name),
    );
  }

  #clone(agent: SimulatedAgent): void {
    const { agents, clone } = this.#targets;
    if (agents.some(({ isClone }) => isClone)) return;
    const copy = clone(agent, this.#random.chance(0.5));
    this.#later(this.#random.whole(0, 20_000), () => copy.start());
  }

  /** Moves an agent to another machine: its journal, or after a while a copy of the journal as it is now. */
  #move(agent: SimulatedAgent): void {
    const random = this.#random;
    const { network } = this.#targets;
    const move = {
      isTwin: random.chance(0.5),
      death: random.chance(0.7) ? "kill" : "power",
      awayMs: random.pick([20, 500, 3_000]),
    } as const;
    if (random.chance(0.7)) return agent.move({ ...move, image: undefined });
    const image = agent.image();
    this.#later(random.whole(0, 20_000), () => {
      if (!network.healed) agent.move({ ...move, image });
    });
  }

  /** Breaks the link, or ends a program, at the agent's next message of a kind or soon after it. */
  #trap(agent: SimulatedAgent): void {
    const random = this.#random;
    const { traps, manager, operator } = this.#targets;
    const kind = random.pick(TRAPPED_KINDS);
    const act = random.pick([
      "cut",
      "cut",
      "away",
      "agent",
      "power",
      "manager",
      "run",
      "cancel",
      ...this.kinds.includes("backup") ? ["backup", "backup"] as const : [],
    ]);
    if (random.chance(0.4)) {
      agent.syncMs = random.pick([30, 300, 3_000]);
      this.#later(15_000, () => agent.syncMs = 0);
    }
    const afterMs = random.pick([0, 0, 3, 30, 300]);
    const death = this.#death();
    const managersDeath = random.chance(0.2) ? "power" : "kill";
    this.#world.trace.add(`${agent.name}: ${act} ${afterMs} ms after ${kind}`);
    traps.arm(agent.name, kind, (wire) =>
      this.#later(afterMs, () => {
        if (act === "cut") return this.#cut(wire);
        if (act === "away") return this.#away(wire);
        if (act === "run") return operator.run(agent.name);
        if (act === "backup") return this.#makeBackup();
        if (act === "cancel") return operator.cancelNewestOf(agent.name);
        if (act === "manager") return manager.die(managersDeath, death);
        agent.die(act === "power" ? "power" : "kill", death);
      }));
  }

  /** Breaks the agent's link, and the next one as soon as the agent has said hello. That hello arrives late. */
  #lateHello(agent: SimulatedAgent): void {
    const random = this.#random;
    const { traps, operator } = this.#targets;
    const upLagMs = random.whole(1_000, 15_000);
    for (let count = 0; count < 3; count++) {
      const ms = random.whole(1_000, upLagMs);
      this.#later(ms, () => operator.run(agent.name));
    }
    traps.arm(agent.name, "clientHello", (wire) =>
      this.#later(0, () => {
        wire.break({
          agentHearsMs: 0,
          managerHearsMs: random.pick([100, 5_000, Infinity]),
          upLagMs,
          downLagMs: undefined,
        });
        // Ask for commands while the next hello is handled and the disk is slow.
        traps.arm(agent.name, "clientHello", () => {
          for (let count = 0; count < 4; count++) {
            const ms = random.whole(0, 400);
            this.#later(ms, () => operator.run(agent.name));
          }
        });
      }));
    if (random.chance(0.5)) {
      this.#slowStore(random.pick([40, 400]), 20_000);
    }
    for (const wire of this.#wiresOf(agent.name)) this.#cut(wire);
  }

  /**
   * Breaks the agent's link while it sends output. That output arrives late, at the same time as its repetition on the
   * next link.
   */
  #lateOutput(agent: SimulatedAgent): void {
    const random = this.#random;
    const { traps, operator } = this.#targets;
    const { name } = agent;
    operator.run(name, TALKATIVE);
    const isWiped = random.chance(0.1);
    traps.arm(name, "commandOutput", (wire) => {
      wire.up.stall(30_000);
      this.#later(random.whole(50, 600), () => {
        wire.break({
          agentHearsMs: 0,
          managerHearsMs: Infinity,
          upLagMs: 30_000,
          downLagMs: undefined,
        });
        this.#slowStore(400, 15_000);
        if (isWiped) agent.replaceDisk(undefined, 0);
        const soon = random.whole(0, 800);
        traps.arm(name, "clientHello", () => wire.up.hasten(soon));
      });
    });
  }

  /**
   * Lets a copy of the agent report commands as lost that go on at the original, with the reports arriving when the
   * original is back.
   */
  #lateLost(agent: SimulatedAgent): void {
    const random = this.#random;
    const { traps, network, operator, agents, clone } = this.#targets;
    const { name } = agent;
    if (agents.some(({ isClone }) => isClone)) return;
    operator.run(name, LASTING);
    this.#later(random.whole(500, 3_000), () => {
      if (network.healed || agents.some(({ isClone }) => isClone)) return;
      const copy = clone(agent, true);
      // The original must not hear from the copy, or it would stay away for long.
      const agentHearsMs = random.whole(200, 3_000);
      for (const wire of this.#wiresOf(name)) {
        wire.break({
          agentHearsMs,
          managerHearsMs: Infinity,
          upLagMs: undefined,
          downLagMs: undefined,
        });
      }
      const soon = random.whole(0, 800);
      // The first hello is refused if the copy has used the agent's session.
      const atHello = (number: number, act: () => void): void =>
        traps.arm(name, "clientHello", () => {
          if (number === 1) act();
          else atHello(number - 1, act);
        });
      traps.arm(name, "result", (wire) => {
        wire.up.stall(30_000);
        atHello(random.whole(1, 2), () => wire.up.hasten(soon));
      });
      copy.start();
    });
  }

  /**
   * Asks for a command while its agent is admitted, and breaks the link before the agent is ready, so that the command
   * waits. A backup contains the waiting command. It is restored after somebody was told that the command will never be
   * sent.
   */
  #backupOfQueued(agent: SimulatedAgent): void {
    const random = this.#random;
    const { traps, network, operator } = this.#targets;
    const { name } = agent;
    this.#slowStore(400, 15_000);
    traps.arm(name, "clientHello", (wire) => {
      const at = (ms: number, act: () => void) => this.#later(ms, act);
      at(random.whole(20, 200), () => operator.run(name));
      at(random.whole(200, 400), () => {
        network.partitioned.add(name);
        wire.break({
          agentHearsMs: 0,
          managerHearsMs: 0,
          upLagMs: undefined,
          downLagMs: undefined,
        });
      });
      at(1_500, () => this.#makeBackup());
      if (random.chance(0.7)) at(2_000, () => operator.cancelNewestOf(name));
      at(4_000, () => this.#backup && this.#restore(this.#backup));
      at(random.whole(4_000, 8_000), () => network.partitioned.delete(name));
    });
    for (const wire of this.#wiresOf(name)) this.#cut(wire);
  }

  /** Breaks a link, and prevents another one for a while. */
  #away(wire: Wire): void {
    const { agent } = wire;
    const { network } = this.#targets;
    if (network.healed) return;
    network.partitioned.add(agent);
    this.#cut(wire);
    this.#later(
      this.#random.whole(1_000, 60_000),
      () => network.partitioned.delete(agent),
    );
  }

  #cut(wire: Wire | undefined): void {
    const random = this.#random;
    wire?.break({
      agentHearsMs: random.pick([0, 1, 50, 2_000]),
      managerHearsMs: random.pick([0, 1, 50, 2_000, 8_000]),
      upLagMs: random.pick([undefined, 0, 3_000, 12_000]),
      downLagMs: random.pick([undefined, 0, 1_000]),
    });
  }

  /** Chooses the time of a death: at once, or at one of the program's next calls. Most of them are short. */
  #death(): DeathTimes {
    const random = this.#random;
    return {
      atCall: random.chance(0.3) ? 0 : random.whole(1, 60),
      awayMs: random.pick([20, 500, 3_000, 20_000]),
    };
  }

  #wire(): Wire | undefined {
    const wires = [...this.#targets.network.wires];
    return wires.length === 0 ? undefined : this.#random.pick(wires);
  }

  #wiresOf(name: string): Wire[] {
    return [...this.#targets.network.wires].filter(({ agent }) =>
      agent === name
    );
  }

  /** Makes the Manager's commits take `commitMs` for a while. */
  #slowStore(commitMs: number, forMs: number): void {
    const { manager } = this.#targets;
    manager.commitMs = commitMs;
    this.#later(forMs, () => manager.commitMs = 2);
  }

  #later(ms: number, callback: () => void): void {
    this.#world.time.after(ms, callback);
  }
}
