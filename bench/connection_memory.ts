import { sleep, systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import { fromSource } from "../scripts/local/programs.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import { rssOf } from "./memory.ts";
import { type LeftOut, NOT_QUICK, type OpenPair, type Pair } from "./pair.ts";
import { RawPair } from "./raw_pair.ts";
import { withCommas } from "./table.ts";

/** Time for a program to come to rest, in milliseconds. In the full run it is enough for a ping to every agent. */
const SETTLE_MS = { full: 20_000, quick: 2_000 };

/** Memory of the Manager for an idle agent. Each round starts both sides anew, since freed memory stays resident. */
export const connectionMemory: Pair = {
  ...pairOf({ full: 10_000, quick: 2_000 }),
  name: "memory",
  goal: { most: 1.25 },
};

/** The same with fewer agents: what does not grow with their number counts for more. */
export const connectionMemory2k: Pair = {
  ...pairOf({ full: 2_000 }),
  name: "memory-2k",
  goal: { most: 1.4 },
};

/** Compares the memory for this number of agents. */
function pairOf(
  { full, quick }: { readonly full: number; readonly quick?: number },
): Omit<Pair, "name" | "goal"> {
  return {
    unit: "kB",
    ours: `memory of the Manager for each of ${
      withCommas(full)
    } idle agents, beyond that of one without`,
    beside: `the same of a program that holds ${
      withCommas(full)
    } raw TLS connections`,
    async open(size): Promise<OpenPair | LeftOut> {
      const agents = size === "quick" ? quick : full;
      if (agents === undefined) return NOT_QUICK;
      if (Deno.build.os === "windows") {
        return { leftOut: "memory of processes cannot be read here" };
      }
      return await open(agents, SETTLE_MS[size]);
    },
  };
}

async function open(agents: number, settleMs: number): Promise<OpenPair> {
  const settled = () => sleep(systemClock, settleMs);
  await using undo = new AsyncDisposableStack();
  const manager = undo.use(await LocalManager.start(fromSource));
  const load = undo.use(await LoadFleet.start(manager.dir, agents));
  await manager.stop();
  const opened = undo.move();
  return {
    async ours() {
      await manager.again();
      const { pid } = manager.daemon;
      const empty = await memoryOf(pid);
      await load.connect();
      await settled();
      await manager.connected(agents);
      const full = await memoryOf(pid);
      await load.leave();
      await manager.stop();
      return (full - empty) / agents / 1_000;
    },
    async beside() {
      const options = { connections: agents };
      await using raw = await RawPair.start(manager.dir, options);
      const { pid } = raw.server;
      const empty = await memoryOf(pid);
      await raw.connect(agents);
      await settled();
      const full = await memoryOf(pid);
      await raw.leave();
      return (full - empty) / agents / 1_000;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function memoryOf(pid: number): Promise<number> {
  const bytes = await rssOf(pid);
  if (bytes !== undefined) return bytes;
  throw new PiriError("UNSUPPORTED", "Cannot measure memory here");
}
