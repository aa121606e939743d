import type { Clock } from "../../lib/base/clock.ts";
import type { Random } from "../../lib/base/random.ts";
import {
  ManagerCore,
  type ManagerCoreOptions,
} from "../../lib/manager/core.ts";
import type { Store } from "../../lib/store/store.ts";
import { Later } from "../../lib/wire/later.ts";

/** Changes to the usual core of tests. */
export type CoreChanges = Partial<
  Omit<ManagerCoreOptions, "store" | "clock" | "random">
>;

/** Core of a Manager in one process with a test, with its usual options. */
export function memoryCore(
  { store, clock, random }: {
    readonly store: Store;
    readonly clock: Clock;
    readonly random: Random;
  },
  changes: CoreChanges = {},
): ManagerCore {
  return new ManagerCore({
    store,
    clock,
    random,
    identity: {
      addresses: ["mgr:7051"],
      serverName: "mgr.piri.internal",
      caCertificate: new Uint8Array([1]),
    },
    data: { answer: () => Promise.resolve("nothing") },
    pingIntervalMs: 15_000,
    keepBytes: 1_000_000n,
    unlimitedOperations: [],
    checkParams: () => {},
    // Time stands still here, or leaps.
    later: new Later(clock, 0),
    ...changes,
  });
}
