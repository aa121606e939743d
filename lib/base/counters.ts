/** Counts of dropped, refused and ignored things, by name. Nothing is dropped without a count. */
export class Counters {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  /** All counts so far, ordered by name. */
  all(): Readonly<Record<string, bigint>> {
    return Object.fromEntries(
      [...this.#counts].sort(([a], [b]) => a < b ? -1 : 1)
        .map(([name, count]) => [name, BigInt(count)]),
    );
  }
}
