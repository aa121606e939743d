/** Summary of measurements: the median, the 99th percentile, and the maximum. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Summary of these measurements, all 0 if there are none. */
export function latenciesOf(samples: readonly number[]): Latencies {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    p50: percentile(sorted, 50),
    p99: percentile(sorted, 99),
    max: sorted.at(-1) ?? 0,
  };
}

/** Number of measurements kept, the newest ones. */
const MAX_SAMPLES = 100_000;

/** Measurements over time. All are counted, and the newest kept. */
export class Samples {
  readonly #kept: number[] = [];
  #count = 0;

  /** Number of measurements so far. */
  get count(): number {
    return this.#count;
  }

  add(sample: number): void {
    this.#kept[this.#count % MAX_SAMPLES] = sample;
    this.#count++;
  }

  latencies(): Latencies {
    return latenciesOf(this.#kept);
  }
}

/** Percentile by the nearest rank among sorted samples: always a measured value. */
function percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.ceil(percent / 100 * sorted.length);
  return sorted[Math.max(rank, 1) - 1] ?? 0;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)] ?? 0;
  const lower = sorted[Math.ceil(half) - 1] ?? 0;
  return (lower + upper) / 2;
}

/** Distance between the smallest and the largest value, as a part of the median. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  if (middle === 0) return 0;
  return (Math.max(...values) - Math.min(...values)) / middle;
}

/** Formats milliseconds for people. */
export function msText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}
