import { PiriError } from "../../lib/base/errors.ts";
import { fromSource } from "../local/programs.ts";
import { until } from "../local/until.ts";
import { Child } from "./child.ts";
import { LocalManager } from "./local_manager.ts";
import type { OpenPair, Pair } from "./pair.ts";
import { RawPair } from "./raw_pair.ts";
import type { Connected } from "./simulated_fleet.ts";

const AGENTS = 2_000;

/** Agents that have joined connect: TLS, hello, recorded, let in. */
export const connect: Pair = {
  name: "connect",
  unit: "agents/s",
  goal: { least: 0.8 },
  ours: `TLS, hello, recorded, ready: ${AGENTS} agents`,
  beside: `${AGENTS} raw TLS handshakes`,
  async open(): Promise<OpenPair> {
    await using undo = new AsyncDisposableStack();
    const manager = undo.use(await LocalManager.start(fromSource));
    const args = [manager.dir, String(AGENTS)];
    const load = undo.use(await Child.start("./load_child.ts", { args }));
    const nothing = { sent: 1, returned: 1 };
    const raw = undo.use(await RawPair.start(manager.dir, nothing));
    const opened = undo.move();
    return {
      async ours() {
        const { rate, failed } = await load.ask("connect") as Connected;
        await load.ask("leave");
        await until("the Manager has none of them", async () => {
          const status = await manager.control.status.getStatus({});
          return status.agentsConnected === 0;
        });
        if (failed > 0) {
          throw new PiriError(
            "INTERNAL",
            `Cannot measure: ${failed} agents could not connect`,
          );
        }
        return rate;
      },
      async beside() {
        const rate = await raw.connect(AGENTS);
        await raw.leave();
        return rate;
      },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};
