import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader } from "../host/host.ts";
import { findManager } from "../providers/packages/find_manager.ts";
import { waitForLock } from "../providers/packages/lock_wait.ts";
import type { PackageManager } from "../providers/packages/package_manager.ts";
import { type Check, stepOperation } from "../step_operation.ts";
import { listsEffects, READ_LISTS, runOne } from "./packages.ts";

const MAX_AGE_MS = 86_400_000;

/** Reads the lists of packages anew when they are old. */
export const packageLists = stepOperation({
  name: "package.Lists",
  description:
    "Reads the lists of packages anew if they are older than that; never counts as a change",
  subject: "max_age",
  parameters: {
    max_age: {
      type: "duration",
      description: "Oldest age of the lists",
      standard: "24h",
    },
  },
  async check({ max_age: max = MAX_AGE_MS }, reader): Promise<Check> {
    const manager = await findManager(reader);
    const isFresh = reader.foreseen(READ_LISTS) !== undefined ||
      await areFresh(manager, reader, max);
    return {
      verdict: isFresh ? "ok" : "change",
      changes: isFresh ? [] : [{ what: "lists of packages", to: "read anew" }],
      fingerprint: fingerprintOf(isFresh),
      effects: listsEffects({ areRead: true }),
      counts: false,
      // With an age of 0 they would be read again and again.
      after: "none",
    };
  },
  async change(_, __, writer) {
    const manager = await findManager(writer);
    await waitForLock(manager, writer);
    await runOne(manager.refresh, writer);
  },
});

async function areFresh(
  manager: PackageManager,
  reader: HostReader,
  max: number,
): Promise<boolean> {
  const read = await manager.listsRead(reader);
  return read !== undefined && reader.clock.now() - read <= max;
}
