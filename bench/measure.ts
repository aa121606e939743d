import type { OpenPair } from "./pair.ts";

/** Number of rounds that count. */
export const ROUNDS = 5;

/**
 * Measures both sides of a pair in turns, so that other load of the machine hits both. A first round warms both up and
 * does not count.
 */
export async function measure(
  pair: Pick<OpenPair, "ours" | "beside">,
  { rounds, progress }: {
    readonly rounds: number;
    readonly progress: (round: readonly [number, number]) => void;
  },
): Promise<[ours: number, beside: number][]> {
  const measured: [number, number][] = [];
  for (let round = 0; round <= rounds; round++) {
    // The second side finds the machine warmer: the sides take turns in that, too.
    const first = round % 2 === 0;
    const before = first ? await pair.ours() : await pair.beside();
    const after = first ? await pair.beside() : await pair.ours();
    const values: [number, number] = first ? [before, after] : [after, before];
    if (round === 0) continue;
    measured.push(values);
    progress(values);
  }
  return measured;
}
