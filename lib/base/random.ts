/** Source of randomness for all of Piri; a simulation replays it from a seed. */
export interface Random {
  /**
   * Random bytes, fit for secrets.
   *
   * @param length The number of bytes.
   */
  bytes(length: number): Uint8Array<ArrayBuffer>;
  /** Random number from 0 up to, but not including, 1. */
  fraction(): number;
}

/** Randomness of this machine. */
export const systemRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
};

/** Random unsigned 64-bit number that is not 0. */
export function nonce(random: Random): bigint {
  const value = new DataView(random.bytes(8).buffer).getBigUint64(0);
  return value === 0n ? 1n : value;
}

/**
 * Unsigned 32-bit numbers that a seed repeats on every machine. Not fit for secrets.
 *
 * Source: mulberry32, Tommy Ettinger, public domain.
 */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
