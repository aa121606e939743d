import type { Random } from "../../lib/base/random.ts";

/** Random source that is the same in every test: bytes that count up. */
export function countingRandom(): Random {
  let next = 0;
  return {
    bytes: (length) => new Uint8Array(length).map(() => next++ & 0xff),
    fraction: () => (next++ % 100) / 100,
  };
}
