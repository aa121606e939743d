/** What a set of measurements looks like: the middle one, the one that 99 of 100 do not exceed, and the worst. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The latencies among these, all 0 if there are none. */
export function latenciesOf(samples: readonly number[]): Latencies {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    p50: percentile(sorted, 50),
    p99: percentile(sorted, 99),
    max: sorted.at(-1) ?? 0,
  };
}

/** The newest of these are kept. */
const MAX_SAMPLES = 100_000;

/** Measurements as they come in: all are counted, and the newest kept. */
export class Samples {
  readonly #kept: number[] = [];
  #count = 0;

  /** How many there were. */
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

/** The nearest rank among sorted samples: a value that was measured, never one between two. */
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

/** How far the values lie apart: the widest distance as a part of their median. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  if (middle === 0) return 0;
  return (Math.max(...values) - Math.min(...values)) / middle;
}

/** Milliseconds as people read them. */
export function msText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}
