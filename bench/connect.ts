import { fromSource } from "../scripts/local/programs.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import type { OpenPair, Pair } from "./pair.ts";
import { RawPair } from "./raw_pair.ts";
import { withCommas } from "./table.ts";

const AGENTS = 2_000;

/** Connecting agents that have joined: TLS, hello, record, admission. */
export const connect: Pair = {
  name: "connect",
  unit: "agents/s",
  goal: { least: 0.8 },
  ours: `TLS, hello, recorded, ready: ${withCommas(AGENTS)} agents`,
  beside: `${withCommas(AGENTS)} raw TLS handshakes`,
  async open(size): Promise<OpenPair> {
    const agents = size === "quick" ? AGENTS / 2 : AGENTS;
    await using undo = new AsyncDisposableStack();
    const manager = undo.use(await LocalManager.start(fromSource));
    const load = undo.use(await LoadFleet.start(manager.dir, agents));
    const raw = undo.use(await RawPair.start(manager.dir, {}));
    const opened = undo.move();
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
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};
