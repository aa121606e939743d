import type { DiskEntry } from "./entry.ts";
import type { Expiry } from "./journal.ts";

/** Drops old and excess output and results of these entries, oldest first. Returns the count of dropped bytes. */
export async function expireEntries(
  entries: readonly DiskEntry[],
  { now, maxAgeMs, maxBytes }: Expiry,
): Promise<number> {
  const before = sizeOf(entries);
  for (const entry of entries) {
    if (entry.state !== "finished") continue;
    const age = now - (entry.seenAt ?? Infinity);
    // A clock that is or was wrong would make everything old at once.
    if (!(age >= 0 && age <= 10 * maxAgeMs)) await entry.see(now);
    else if (age > maxAgeMs) await entry.expire();
  }
  const finished = entries.filter(({ state }) => state === "finished");
  const others = entries.filter(({ state }) => state !== "finished");
  for (const entry of [...finished, ...others]) {
    if (sizeOf(entries) <= maxBytes) break;
    await entry.expire();
  }
  return before - sizeOf(entries);
}

/** Bytes of the entries on the disk. */
export function sizeOf(entries: readonly DiskEntry[]): number {
  return entries.reduce((sum, { size }) => sum + size, 0);
}
