import { fromSource, type Programs } from "../scripts/local/programs.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import { RawPair } from "./raw_pair.ts";

/** A Manager with a simulated fleet, and raw TLS beside it. */
export interface FleetAndRaw extends AsyncDisposable {
  readonly manager: LocalManager;
  readonly load: LoadFleet;
  readonly raw: RawPair;
}

/** Starts all three. `parallel` limits the dials at a time. */
export async function startFleetAndRaw(
  agents: number,
  { isProving, parallel, programs = fromSource }: {
    /** True if agents prove keys, rather than to send secrets. */
    readonly isProving: boolean;
    readonly parallel?: number;
    readonly programs?: Programs;
  },
): Promise<FleetAndRaw> {
  const dials = parallel === undefined ? {} : { parallel };
  await using undo = new AsyncDisposableStack();
  const manager = undo.use(await LocalManager.start(programs));
  const load = undo.use(
    await LoadFleet.start(manager.dir, agents, { ...dials, isProving }),
  );
  const raw = undo.use(await RawPair.start(manager.dir, dials));
  const opened = undo.move();
  return {
    manager,
    load,
    raw,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
