import type {
  CommandRecord,
  StoredOutput,
  StreamName,
} from "../../lib/store/records.ts";
import type { Known } from "./records.ts";
import type { World } from "./world.ts";

/** Bytes that slow viewers may hold back: the limit of a feed, and the piece that went over it. */
const HELD_BACK = 8 * 1_048_576 + 65_536;

/** Bytes of a stream, from one offset on and below another. */
export type Range = readonly [from: bigint, below: bigint];

/** Stream of a command at the end of a run. */
export interface KeptStream {
  readonly record: CommandRecord;
  readonly stream: StreamName;
  readonly pieces: readonly StoredOutput[];
  readonly known: Known | undefined;
  /** Words for the stream in a violation. */
  readonly place: string;
}

/** Checks that both ends of a stream are kept, and of its middle no more than needed. */
export function checkKept(
  { truth, managerDiskLost, keepBytes }: World,
  { record, stream, pieces, known, place }: KeptStream,
): void {
  // What was written before a backup is not known any more.
  if (managerDiskLost || known === undefined) return;
  const quarter = keepBytes / 4n;
  const end = known.recorded[stream];
  const stored = pieces.map(({ offset, bytes }): Range => [
    offset,
    offset + BigInt(bytes.length),
  ]);
  const there = [...stored, ...known.cuts[stream]];
  for (const range of endsOf(end, quarter)) {
    const [missing] = without(range, there);
    truth.must(
      missing === undefined,
      () =>
        `${place} is recorded to ${end}, and bytes ${missing?.[0]} to ${
          missing?.[1]
        } are not kept: the limit is ${keepBytes}`,
    );
  }
  const middle: Range = [quarter, end - quarter];
  const spare = stored.reduce((sum, range) => sum + common(range, middle), 0n);
  const isTidy = known.dropped.has(stream) ||
    !known.isWatched && known.cuts[stream].length === 0;
  // A piece that has some of the end is kept whole.
  const most = known.largest[stream] + (isTidy ? 0n : BigInt(HELD_BACK));
  truth.must(
    spare <= most,
    () => `${spare} bytes of the middle of ${place} are kept: ${most} may be`,
  );
  truth.must(
    record.truncated ||
      stored.reduce((sum, [from, below]) => sum + below - from, 0n) === end,
    () => `${place} is not kept whole, and its record does not say so`,
  );
}

/** Checks a part of a stream that was shown as gone to a viewer who watched when it came. */
export function checkGone(
  { truth, managerDiskLost }: World,
  { known, stream, gone, place }: {
    known: Known | undefined;
    stream: StreamName;
    gone: Range;
    place: string;
  },
): void {
  if (managerDiskLost || known === undefined) return;
  // What the agent printed after its last piece may be told by the result alone.
  const [from, below] = gone;
  const end = known.recorded[stream];
  const [lost] = without([from, below < end ? below : end], known.cuts[stream]);
  truth.must(
    lost === undefined,
    () =>
      `${place} is not shown bytes ${lost?.[0]} to ${
        lost?.[1]
      }, and watched when they came`,
  );
}

function endsOf(end: bigint, quarter: bigint): Range[] {
  return end <= 2n * quarter
    ? [[0n, end]]
    : [[0n, quarter], [end - quarter, end]];
}

/** Parts of a range that no other range covers. */
function without(range: Range, covers: readonly Range[]): Range[] {
  let left = [range].filter(([start, end]) => start < end);
  for (const [from, below] of covers) {
    left = left.flatMap(([start, end]): Range[] => [
      [start, end < from ? end : from],
      [start > below ? start : below, end],
    ]).filter(([start, end]) => start < end);
  }
  return left;
}

function common([a, b]: Range, [c, d]: Range): bigint {
  const from = a > c ? a : c;
  const below = b < d ? b : d;
  return below > from ? below - from : 0n;
}
