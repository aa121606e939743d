import type { Random } from "../../lib/base/random.ts";

/** Randomness that repeats itself from test to test: bytes that count up. */
export function countingRandom(): Random {
  let next = 0;
  return {
    bytes: (length) => new Uint8Array(length).map(() => next++ & 0xff),
    fraction: () => (next++ % 100) / 100,
  };
}
