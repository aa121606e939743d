import { systemClock } from "../lib/base/clock.ts";
import { compiled } from "../scripts/local/programs.ts";
import { say } from "../scripts/build/main.ts";
import { startFleetAndRaw } from "./fleet_and_raw.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { NOT_COMPILED } from "./real_fleet.ts";
import { withCommas } from "./table.ts";

const AGENTS = 5_000;

/** Shortest pause of an agent that was turned away, in milliseconds. */
const PAUSE_MS = 100;

/** All agents come back at once to a Manager that was killed and is started again. They send secrets. */
export const storm: Pair = {
  ...pairOf({ isProving: false }),
  name: "storm",
  goal: { most: 1.6 },
  ours: `compiled Manager killed with ${
    withCommas(AGENTS)
  } agents and started again, until all are ready; they dial at once, jitter window 0`,
};

/** The same with keys: both sides sign and verify once more. */
export const stormProof: Pair = {
  ...pairOf({ isProving: true }),
  name: "storm-proof",
  goal: { most: 2 },
  ours: `the same, and both sides prove their keys: ${
    withCommas(AGENTS)
  } agents`,
};

function pairOf(
  how: { readonly isProving: boolean },
): Pick<Pair, "unit" | "beside" | "open"> {
  return {
    unit: "s",
    beside: `${withCommas(AGENTS)} raw TLS handshakes at once`,
    async open(size): Promise<OpenPair | LeftOut> {
      const programs = await compiled();
      if (programs === undefined) return NOT_COMPILED;
      const agents = size === "quick" ? AGENTS / 5 : AGENTS;
      const opened = await startFleetAndRaw(agents, {
        ...how,
        programs,
        parallel: agents,
      });
      const { manager, load, raw } = opened;
      return {
        async ours() {
          await load.connect();
          await manager.kill();
          await load.present(0);
          // Deno closes each broken TLS connection in one of 32 threads, for 100 ms, and reads the questions to the fleet
          // in the same threads: this is answered once all are closed.
          await load.present(0);
          const began = systemClock.monotonic();
          await manager.again();
          // Earlier dials would find no Manager, and use the processor that the Manager starts on.
          await load.stay(PAUSE_MS);
          await load.present(agents);
          const seconds = (systemClock.monotonic() - began) / 1_000;
          await manager.connected(agents);
          for (const { turnedAway } of await load.returned()) {
            if (turnedAway > 0) say(`storm: ${turnedAway} dials turned away`);
          }
          await load.leave();
          await manager.connected(0);
          return seconds;
        },
        async beside() {
          const seconds = await raw.connect(agents);
          await raw.leave();
          return seconds;
        },
        [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
      };
    },
  };
}
