import { type Clock, sleep } from "../../lib/base/clock.ts";
import { Seeded } from "../support/seeded.ts";
import { refuseFor } from "./faulty_relay.ts";
import type { AgentHost, Site } from "./site.ts";

/**
 * Number of line faults after which an agent is restarted: it might otherwise wait up to a minute before it dials
 * again.
 */
const MAX_TROUBLES = 2;

/** A fault of an agent or its line. Resolves when it is over, or continues by itself. */
type Fault = (agent: AgentHost, dice: Seeded, clock: Clock) => Promise<void>;

const LINE_FAULTS = {
  cut: onLine(({ line }) => line.each((wire) => wire.close())),
  "cut in a frame": onLine(({ line }, dice) =>
    line.each(({ pipes }) => dice.pick(pipes).cutAfter(dice.between(1, 3_000)))
  ),
  stalled: onLine(({ line }, dice) => {
    const ms = dice.between(100, 5_000);
    const directions = dice.between(0, 2);
    return line.each(({ pipes }) =>
      (pipes[directions] === undefined ? pipes : [pipes[directions]])
        .forEach((pipe) => pipe?.stall(ms))
    );
  }),
  slow: onLine(({ line }, dice) => {
    const ms = dice.between(500, 4_000);
    return line.each(({ pipes }) => pipes.forEach((pipe) => pipe.slow(ms)));
  }),
  corrupted: onLine(({ line }, dice) =>
    line.each(({ pipes }) => dice.pick(pipes).corrupt())
  ),
  "half-open": onLine(({ line }, dice) => {
    const directions = dice.between(0, 2);
    return line.each(({ pipes }) =>
      (pipes[directions] === undefined ? pipes : [pipes[directions]])
        .forEach((pipe) => pipe?.silence())
    );
  }),
  "ended late": onLine(({ line }, dice) => {
    const ms = dice.between(100, 6_000);
    return line.each((wire) => wire.endLate(ms));
  }),
  refused: async ({ line, host }, dice, clock) => {
    host.troubles++;
    await refuseFor(line, dice.between(50, 1_500), { clock });
  },
} as const satisfies Record<string, Fault>;

const AGENT_FAULTS = {
  "agent killed": ({ host }, dice) => host.kill(dice.between(0, 800)),
  "agent restarted": ({ host }, dice) => host.restart(dice.between(0, 300)),
  "agent paused": ({ host }, dice) => host.pause(dice.between(100, 2_500)),
} as const satisfies Record<string, Fault>;

export type FaultName =
  | keyof typeof LINE_FAULTS
  | keyof typeof AGENT_FAULTS
  | "manager killed"
  | "manager restarted"
  | "manager paused";

const WEIGHTS: readonly (readonly [FaultName, number])[] = [
  ["cut", 3],
  ["cut in a frame", 3],
  ["stalled", 2],
  ["slow", 2],
  ["corrupted", 2],
  ["half-open", 1],
  ["ended late", 2],
  ["refused", 1],
  ["agent killed", 4],
  ["agent restarted", 1],
  ["agent paused", 1],
  ["manager killed", 2],
  ["manager restarted", 0.7],
  ["manager paused", 0.7],
];

/** Brings faults to a site, and counts them. */
export class Faults {
  readonly counts = new Map<FaultName, number>();
  readonly #site: Site;
  readonly #dice: Seeded;
  readonly #clock: Clock;

  constructor(
    site: Site,
    { dice, clock }: { dice: Seeded; clock: Clock },
  ) {
    this.#site = site;
    this.#dice = dice;
    this.#clock = clock;
  }

  /** Brings one fault after a while. Resolves when it is over. */
  async after(ms: number): Promise<void> {
    // Has dice of its own: its draws do not depend on the order of other events.
    const dice = new Seeded(this.#dice.between(0, 2 ** 32 - 1));
    const agent = dice.pick(this.#site.agents);
    const name = dice.weighted(WEIGHTS);
    await sleep(this.#clock, ms);
    await this.#bring(name, agent, dice);
  }

  /** Ends the faults that continue by themselves: from now on all is well. */
  async calm(): Promise<void> {
    await Promise.all(this.#site.hosts.map((host) => host.settled()));
    for (const { line } of this.#site.agents) {
      line.calm();
      // Pings would find half-open connections; there is no need to wait for that.
      line.each((wire) => {
        if (wire.isSilent) wire.close();
      });
    }
  }

  async #bring(
    name: FaultName,
    agent: AgentHost,
    dice: Seeded,
  ): Promise<void> {
    const { manager, agents } = this.#site;
    switch (name) {
      case "manager killed":
      case "manager restarted":
        for (const { host } of agents) host.troubles++;
        this.#count(name);
        await (name === "manager killed"
          ? manager.kill(dice.between(0, 600))
          : manager.restart(dice.between(0, 300)));
        return;
      case "manager paused":
        this.#count(name);
        return await manager.pause(dice.between(100, 2_500));
    }
    const chosen = name in LINE_FAULTS && agent.host.troubles >= MAX_TROUBLES
      ? dice.weighted<keyof typeof AGENT_FAULTS>([
        ["agent killed", 2],
        ["agent restarted", 1],
      ])
      : name;
    this.#count(chosen);
    await { ...LINE_FAULTS, ...AGENT_FAULTS }[chosen](
      agent,
      dice,
      this.#clock,
    );
  }

  #count(name: FaultName): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}

/** A fault of the connections that are open now. */
function onLine(hurt: (agent: AgentHost, dice: Seeded) => boolean): Fault {
  return (agent, dice) => {
    if (hurt(agent, dice)) agent.host.troubles++;
    return Promise.resolve();
  };
}
