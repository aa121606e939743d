import { Seeded } from "../support/seeded.ts";

/** What programs print is cut out of so many bytes. */
const POOL_BYTES = 8 * 1_048_576;

/** The program that the agents run: its effect comes first, so that one that ran at all has left it. */
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

/** What one command is to do. */
export interface Work {
  /** Unique; it is the effect, a line in a file. */
  readonly key: string;
  /** Standard output: so many pieces of so many bytes, from the pool's piece of this number on. */
  readonly start: number;
  readonly piece: number;
  readonly pieces: number;
  /** After each piece, seconds. */
  readonly pause: number;
  /** So much goes to standard error, bytes. */
  readonly errors: number;
  readonly code: number;
  /** Whether it ignores SIGTERM. */
  readonly stubborn: boolean;
}

/** Bytes that no two places share. */
export function makePool(seed: number): Uint8Array<ArrayBuffer> {
  const dice = new Seeded(seed);
  const words = new Uint32Array(POOL_BYTES / 4);
  return new Uint8Array(
    words.map(() => dice.between(0, 2 ** 32 - 1)).buffer,
  );
}

/** Some work: mostly little output and short, at times some MiB, at times some seconds. */
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

/** The words that have the script do it. */
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

/** All that the work prints, by stream. */
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

/** How often a piece fits into the pool. */
function slotsOf({ piece }: Pick<Work, "piece">): number {
  return Math.floor(POOL_BYTES / piece);
}
