import { messageOf } from "../../lib/base/errors.ts";
import type { ManagerCore } from "../../lib/manager/core.ts";
import type {
  CommandView,
  RunRequest,
} from "../../lib/manager/api/operator_api.ts";
import { type Program, someLeasedProgram, someProgram } from "./program.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { SimulatedManager } from "./simulated_manager.ts";
import { Viewer } from "./viewer.ts";
import type { World } from "./world.ts";

/** Operator who runs, cancels and watches commands. */
export class Operator {
  readonly viewers: Viewer[] = [];
  /** Commands that nobody waits for any more, and that nobody will cancel. */
  readonly givenUp = new Set<bigint>();
  readonly #world: World;
  readonly #manager: SimulatedManager;
  readonly #agents: readonly string[];
  readonly #random: SeededRandom;
  readonly #ids: bigint[] = [];
  readonly #newest = new Map<string, bigint>();
  #requests = 0;

  constructor(
    world: World,
    manager: SimulatedManager,
    agents: readonly string[],
  ) {
    this.#world = world;
    this.#manager = manager;
    this.#agents = agents;
    this.#random = world.random.fork("operator");
  }

  /** Does one of the things that operators do. */
  act(): void {
    const random = this.#random;
    const choice = random.fraction();
    if (choice < 0.7) this.run();
    else if (choice < 0.8) this.#cancelAny();
    else if (choice < 0.83) this.#giveUp();
    else if (choice < 0.86) this.#rerunAny();
    else this.#watch(this.#anyId());
  }

  /** Runs a program that no other action of this operator affects. */
  runQuietly(agent: string, program: Program): void {
    this.#ask({
      agents: [agent],
      operation: "simulated.Run",
      params: JSON.stringify(program),
      requestId: `request ${++this.#requests}`,
      requestedBy: "operator",
      onDisconnect: "continue",
    }, { tries: 1, isQuiet: true });
  }

  /** Runs a program on an agent, or sometimes on several. */
  run(agent = this.#someAgent(), program: Program | null = null): void {
    const random = this.#random;
    const others = random.chance(0.1)
      ? [this.#someAgent(), this.#someAgent()]
      : [];
    const kills = random.chance(0.25);
    const survive = random.chance(0.3);
    const request: RunRequest = {
      agents: [agent, ...others],
      operation: survive ? "command.Run" : "simulated.Run",
      ...survive ? { survive } : {},
      params: JSON.stringify(
        program ?? (kills ? someLeasedProgram(random) : someProgram(random)),
      ),
      requestId: `request ${++this.#requests}`,
      requestedBy: "operator",
      onDisconnect: kills ? "kill" : "continue",
      ...random.chance(kills ? 0.8 : 0.1)
        ? { killAfterMs: someLease(random) }
        : {},
      ...random.chance(0.15) ? { timeoutMs: random.whole(1, 6_000) } : {},
    };
    this.#ask(request, { tries: 3, isQuiet: false });
  }

  /** Sends a request, and repeats it with the same id if the Manager died before its answer. */
  #ask(
    request: RunRequest,
    { tries, isQuiet }: { tries: number; isQuiet: boolean },
  ): void {
    const { time, trace } = this.#world;
    const { core, life } = this.#manager;
    if (core === undefined || life === undefined) return;
    let isAnswered = false;
    trace.add(
      `operator: ${request.requestId} on ${request.agents} ${request.params}`,
    );
    life.guarded(core.commands.run(request)).then(
      ({ commands }) => {
        isAnswered = true;
        if (isQuiet) return;
        for (const command of commands) this.#begun(command);
      },
      (error) => {
        isAnswered = true;
        trace.add(`operator hears: ${messageOf(error)}`);
      },
    );
    time.after(12_000, () => {
      if (isAnswered || tries === 1) return;
      this.#ask(request, { tries: tries - 1, isQuiet });
    });
  }

  #begun({ id, agent }: CommandView): void {
    const { time, trace } = this.#world;
    const random = this.#random;
    trace.add(`operator: it is command ${id} on ${agent}`);
    this.#ids.push(id);
    this.#newest.set(agent, id);
    if (random.chance(0.35)) {
      const ms = random.pick([0, 0, 1, 2, 3, 5, 10, 30, 100, 1_000, 5_000]);
      time.after(ms, () => this.#cancel(id));
    }
    if (random.chance(0.05)) {
      time.after(random.whole(0, 5_000), () => this.#giveUp(id));
    }
    if (random.chance(0.3)) this.#watch(id);
  }

  /** Cancels the newest command of an agent. */
  cancelNewestOf(agent: string): void {
    const id = this.#newest.get(agent);
    if (id !== undefined) this.#cancel(id);
  }

  /** Ends the newest command of an agent, in one of the two ways. */
  endNewestOf(agent: string): void {
    const id = this.#newest.get(agent);
    if (id === undefined) return;
    if (this.#random.chance(0.3)) this.#giveUp(id);
    else this.#cancel(id);
  }

  /** Cancels all commands that were not cancelled and have not ended. */
  async cancelAll(): Promise<void> {
    const { core, life } = this.#manager;
    if (core === undefined || life === undefined) return;
    const open = await life.guarded(core.commands.list({
      limit: 1_000_000,
      states: ["queued", "sent", "running"],
    }));
    for (const { id, cancelRequestedAt } of open) {
      if (cancelRequestedAt === null) this.#cancel(id);
    }
  }

  #someAgent(): string {
    const { focus } = this.#world;
    return this.#random.pick(
      this.#random.chance(0.6) ? focus : this.#agents,
    );
  }

  #cancelAny(): void {
    const id = this.#anyId();
    if (id !== undefined) this.#cancel(id);
  }

  /** Stops waiting for a command, and does not ask it to end. */
  #giveUp(id = this.#anyId()): void {
    const { core, life } = this.#manager;
    if (core === undefined || life === undefined || id === undefined) return;
    this.#world.trace.add(`operator: gives up ${id}`);
    life.guarded(core.commands.giveUp(id, { requestedBy: "operator" })).then(
      ({ nonce }) => {
        this.givenUp.add(nonce);
        this.#world.truth.stops(nonce, `the operator gave ${id} up`);
      },
      (error) => this.#hear(error),
    );
  }

  /** Repeats a command that has ended, as a new command. */
  #rerunAny(): void {
    const id = this.#anyId();
    const { core, life } = this.#manager;
    if (core === undefined || life === undefined || id === undefined) return;
    this.#world.trace.add(`operator: repeats ${id}`);
    const requestId = `request ${++this.#requests}`;
    const request = { requestId, requestedBy: "operator" };
    life.guarded(core.commands.rerun(id, request)).then(
      (command) => this.#begun(command),
      (error) => this.#hear(error),
    );
  }

  #hear(error: unknown): void {
    this.#world.trace.add(`operator hears: ${messageOf(error)}`);
  }

  #cancel(id: bigint): void {
    const { trace } = this.#world;
    const { core, life } = this.#manager;
    if (core === undefined || life === undefined) return;
    const grace = this.#random.pick([undefined, 0, 200, 3_000]);
    trace.add(`operator: cancels ${id}, grace ${grace ?? "-"}`);
    life.guarded(core.commands.cancel(id, { graceMs: grace })).then(
      ({ nonce }) =>
        this.#world.truth.stops(nonce, `the operator cancelled ${id}`),
      (error) => this.#hear(error),
    );
  }

  #watch(id: bigint | undefined): void {
    const { core, life } = this.#manager;
    if (core === undefined || life === undefined || id === undefined) return;
    const viewer = new Viewer(this.#world, {
      id,
      records: this.#manager.records,
      random: this.#random.fork(`viewer ${id}`),
    });
    this.viewers.push(viewer);
    this.#view(viewer, core);
  }

  #view(viewer: Viewer, core: ManagerCore): void {
    const { life } = this.#manager;
    if (life === undefined) return;
    viewer.follow(core, life).catch((error) =>
      this.#world.trace.add(`viewer hears: ${messageOf(error)}`)
    );
  }

  #anyId(): bigint | undefined {
    return this.#ids.length === 0 ? undefined : this.#random.pick(this.#ids);
  }
}

/** Chooses a time without link: shorter than most losses of a link, about as long, or longer than almost any. */
function someLease(random: SeededRandom): number {
  return random.pick([
    random.whole(0, 1_000),
    random.whole(1_000, 8_000),
    random.whole(8_000, 40_000),
  ]);
}
