import { startFleetAndRaw } from "./fleet_and_raw.ts";
import type { OpenPair, Pair } from "./pair.ts";
import { withCommas } from "./table.ts";

const AGENTS = 2_000;

/** Connecting agents that have joined: TLS, hello, record, admission. They send secrets. */
export const connect: Pair = {
  ...pairOf({ isProving: false }),
  name: "connect",
  goal: { least: 0.68 },
  ours: `TLS, hello, recorded, ready: ${withCommas(AGENTS)} agents`,
};

/** The same with keys: both sides sign and verify once more. */
export const connectProof: Pair = {
  ...pairOf({ isProving: true }),
  name: "connect-proof",
  goal: { least: 0.55 },
  ours: `the same, and both sides prove their keys: ${
    withCommas(AGENTS)
  } agents`,
};

function pairOf(
  how: { readonly isProving: boolean },
): Pick<Pair, "unit" | "beside" | "open"> {
  return {
    unit: "agents/s",
    beside: `${withCommas(AGENTS)} raw TLS handshakes`,
    async open(size): Promise<OpenPair> {
      const agents = size === "quick" ? AGENTS / 2 : AGENTS;
      const opened = await startFleetAndRaw(agents, how);
      const { manager, load, raw } = opened;
      return {
        async ours() {
          const rate = await load.connect();
          await load.leave();
          await manager.connected(0);
          return rate;
        },
        async beside() {
          const seconds = await raw.connect(agents);
          await raw.leave();
          return agents / seconds;
        },
        [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
      };
    },
  };
}
