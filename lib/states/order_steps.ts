/** Order of steps, or a circle of steps that wait for each other. */
export type StepOrder =
  | { readonly order: readonly number[] }
  /** Steps of the circle; each one waits for the next one, and the last one for the first. */
  | { readonly circle: readonly number[] };

/**
 * Order of a run: that of the files, but for steps that wait for later ones. The next one is always the first of those
 * that wait for nothing.
 *
 * @param waitsFor for each step, the steps that must come before it
 */
export function orderSteps(
  waitsFor: readonly (readonly number[])[],
): StepOrder {
  const open = waitsFor.map((steps) => new Set(steps).size);
  const waiting = new Map<number, number[]>();
  for (const [index, steps] of waitsFor.entries()) {
    for (const step of new Set(steps)) {
      const known = waiting.get(step);
      if (known === undefined) waiting.set(step, [index]);
      else known.push(index);
    }
  }
  const order: number[] = [];
  const done = new Set<number>();
  // Steps that have become free and stand before the place that the walk has reached.
  const earlier: number[] = [];
  let next = 0;
  while (order.length < waitsFor.length) {
    while (next < waitsFor.length && (done.has(next) || open[next] !== 0)) {
      next++;
    }
    const index = earlier.shift() ?? next;
    if (index >= waitsFor.length) return { circle: circleIn(waitsFor, done) };
    order.push(index);
    done.add(index);
    for (const follower of waiting.get(index) ?? []) {
      const left = (open[follower] ?? 0) - 1;
      open[follower] = left;
      if (left === 0 && follower < next) insert(earlier, follower);
    }
  }
  return { order };
}

function insert(sorted: number[], value: number): void {
  const at = sorted.findIndex((each) => each > value);
  sorted.splice(at < 0 ? sorted.length : at, 0, value);
}

function circleIn(
  waitsFor: readonly (readonly number[])[],
  done: ReadonlySet<number>,
): number[] {
  const way: number[] = [];
  const seen = new Map<number, number>();
  // Every step that is left waits for one that is left, so the way must come back to itself.
  let step = waitsFor.findIndex((_, index) => !done.has(index));
  while (!seen.has(step)) {
    seen.set(step, way.length);
    way.push(step);
    step = waitsFor[step]?.find((each) => !done.has(each)) ?? step;
  }
  return way.slice(seen.get(step));
}
