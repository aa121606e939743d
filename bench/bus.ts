import { fromSource } from "../scripts/local/programs.ts";
import { answeredCommandBytes } from "./fan_out.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import { NatsBus } from "./nats_bus.ts";
import { NoOps } from "./no_ops.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { lacking } from "./peer.ts";
import { withCommas } from "./table.ts";

const CLIENTS = 1_000;

/** Number of commands to each agent, and of requests to each client, in one measurement. */
const EACH = 10;

/** The fan-out beside a message bus, on which many build such a system. The bus records nothing. */
export const bus: Pair = {
  name: "bus",
  unit: "commands/s",
  goal: { least: 0.55 },
  ours: `a no-op command, recorded durably, to ${
    withCommas(CLIENTS)
  } agents; each answers with a result`,
  beside:
    `requests and replies of the same sizes over TLS by nats-server, nothing recorded, ${
      withCommas(CLIENTS)
    } clients in one process`,
  async open(): Promise<OpenPair | LeftOut> {
    const lacks = await lacking("nats-server");
    if (lacks !== undefined) return lacks;
    await using undo = new AsyncDisposableStack();
    const manager = undo.use(await LocalManager.start(fromSource));
    const load = undo.use(await LoadFleet.start(manager.dir, CLIENTS));
    await load.connect();
    const commands = new NoOps(manager, load);
    const nats = undo.use(
      await NatsBus.start(manager.dir, {
        ...answeredCommandBytes(),
        clients: CLIENTS,
      }),
    );
    const opened = undo.move();
    return {
      ours: async () => CLIENTS * EACH / await commands.run(EACH),
      beside: async () => CLIENTS * EACH / await nats.request(EACH),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};
