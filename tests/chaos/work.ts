import { Seeded } from "../support/seeded.ts";

/** Size of the pool from which all output is cut. */
const POOL_BYTES = 8 * 1_048_576;

/** The program that the agents run. Its effect comes first, so that a program that ran at all has left it. */
export const SCRIPT = `\
key=$1 effects=$2 pool=$3 start=$4 piece=$5 pieces=$6 slots=$7 pause=$8
shift 8
errors=$1 code=$2
if [ "$3" = stubborn ]; then trap '' TERM; fi
exec 3>&2
printf '%s\\n' "$key" >> "$effects"
n=0
while [ "$n" -lt "$pieces" ]; do
  dd if="$pool" bs="$piece" skip=$(((start + n) % slots)) count=1 2>/dev/null
  if [ "$pause" != 0 ]; then sleep "$pause"; fi
  n=$((n + 1))
done
dd if="$pool" bs="$errors" skip=1 count=1 2>/dev/null >&3
exit "$code"
`;

/** The work of one command. */
export interface Work {
  /** Unique. Its effect is this line in a file. */
  readonly key: string;
  /** Standard output: number and size of its pieces, from the pool's piece of this number on. */
  readonly start: number;
  readonly piece: number;
  readonly pieces: number;
  /** Pause after each piece, in seconds. */
  readonly pause: number;
  /** Number of bytes on standard error. */
  readonly errors: number;
  readonly code: number;
  /** True if it ignores SIGTERM. */
  readonly stubborn: boolean;
}

/** Makes a pool of random bytes, in which no two places are alike. */
export function makePool(seed: number): Uint8Array<ArrayBuffer> {
  const dice = new Seeded(seed);
  const words = new Uint32Array(POOL_BYTES / 4);
  return new Uint8Array(
    words.map(() => dice.between(0, 2 ** 32 - 1)).buffer,
  );
}

/** Draws some work: most has little output and is short, some has a few MiB or takes seconds. */
export function someWork(key: string, dice: Seeded): Work {
  const [piece, pieces] = dice.weighted<[number, number]>([
    [[dice.between(1, 200), dice.between(1, 3)], 4],
    [[dice.between(1, 9_000), dice.between(1, 40)], 4],
    [[dice.between(60_000, 500_000), dice.between(1, 8)], 3],
    [[1_048_573, 22], 0.2],
  ]);
  return {
    key,
    piece,
    pieces,
    start: dice.between(0, slotsOf({ piece }) - 1),
    pause: dice.chance(0.5) ? 0 : dice.between(10, 3_000) / 1_000 / pieces,
    errors: dice.between(1, 3_000),
    code: dice.weighted([[0, 6], [dice.between(1, 99), 4]]),
    stubborn: dice.chance(0.2),
  };
}

/** Arguments that make the script do the work. */
export function argvOf(
  work: Work,
  { script, effects, pool }: { script: string; effects: string; pool: string },
): string[] {
  return [
    ...["/bin/sh", script, work.key, effects, pool],
    ...[work.start, work.piece, work.pieces, slotsOf(work)].map(String),
    ...[work.pause === 0 ? 0 : work.pause.toFixed(3), work.errors, work.code]
      .map(String),
    work.stubborn ? "stubborn" : "mild",
  ];
}

/** All output of the work, by stream. */
export function printedBy(
  work: Work,
  pool: Uint8Array<ArrayBuffer>,
): Record<"stdout" | "stderr", Uint8Array> {
  const { start, piece, pieces, errors } = work;
  const stdout = new Uint8Array(piece * pieces);
  for (let n = 0; n < pieces; n++) {
    const at = (start + n) % slotsOf(work) * piece;
    stdout.set(pool.subarray(at, at + piece), n * piece);
  }
  return { stdout, stderr: pool.subarray(errors, 2 * errors) };
}

/** Number of pieces of this size in the pool. */
function slotsOf({ piece }: Pick<Work, "piece">): number {
  return Math.floor(POOL_BYTES / piece);
}
