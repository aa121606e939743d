import type { BlobUse } from "../../store/records.ts";
import { LEASE_MS, type StoredBlob } from "./blob_folder.ts";

/** Reasons for which blobs are kept. */
export interface BlobKeeping {
  readonly now: number;
  /** Most bytes of all blobs together. */
  readonly limit: number;
  /** Blobs that commands of the history name, and those that trees among them lead to. */
  readonly uses: readonly BlobUse[];
}

/**
 * Chooses the blobs to delete: those that nothing refers to, and above the limit those whose commands ended first. A
 * blob of an open command or of a plan that can be applied always stays, and one under lease that no command has used since the lease began.
 */
export function spentBlobs(
  stored: readonly StoredBlob[],
  { now, limit, uses }: BlobKeeping,
): StoredBlob[] {
  const ends = new Map<string, number>();
  for (const { sha256, endedAt } of uses) {
    // A plan that can still be applied ends later than now.
    const end = endedAt === null || endedAt > now ? Infinity : endedAt;
    ends.set(sha256, Math.max(ends.get(sha256) ?? 0, end));
  }
  const endOf = ({ sha256 }: StoredBlob) => ends.get(sha256) ?? -Infinity;
  const free = stored.filter((blob) =>
    blob.leasedUntil <= now || endOf(blob) >= blob.leasedUntil - LEASE_MS
  );
  const spent = free.filter((blob) => endOf(blob) === -Infinity);
  const ended = free.filter((blob) => Number.isFinite(endOf(blob)))
    .sort((one, other) => endOf(one) - endOf(other));
  let bytes = sizeOf(stored) - sizeOf(spent);
  for (const blob of ended) {
    if (bytes <= limit) break;
    spent.push(blob);
    bytes -= blob.size;
  }
  return spent;
}

function sizeOf(blobs: readonly StoredBlob[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}
