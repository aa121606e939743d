import type { Disk } from "../../base/disk.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { FoundSegment } from "./output.ts";

/** Output files of each command, by name `<key>.<1 or 2>.<offset>`, ordered by their offsets. */
export async function findSegments(
  disk: Disk,
): Promise<Map<string, FoundSegment[]>> {
  const streams = new Map<string, FoundSegment[]>();
  for (const name of await disk.list()) {
    const [, prefix, start] = /^(\d+\.[12]\.)(\d+)$/.exec(name) ?? [];
    if (prefix === undefined || start === undefined) continue;
    const segments = streams.get(prefix) ?? [];
    segments.push({ start: Number(start), size: await disk.size(name) });
    streams.set(prefix, segments);
  }
  for (const segments of streams.values()) {
    segments.sort((a, b) => a.start - b.start);
  }
  return streams;
}

/** Removes output files of commands with other keys than these. Logs a file that cannot be removed. */
export async function removeOrphans(
  disk: Disk,
  { keys, log }: { readonly keys: Iterable<number>; readonly log: Logger },
): Promise<void> {
  const wanted = new Set(
    [...keys].flatMap((key) => [`${key}.1.`, `${key}.2.`]),
  );
  for (const name of await disk.list()) {
    const [, prefix] = /^(\d+\.[12]\.)\d+$/.exec(name) ?? [];
    if (prefix === undefined || wanted.has(prefix)) continue;
    await disk.remove(name).catch((error) =>
      log.warn("Cannot remove {name}: {reason}", {
        name,
        reason: messageOf(error),
      })
    );
  }
}
