/** Number that a percentage of a total comes to, rounded up. */
export function percentOf(percent: number, total: number): number {
  // 64.4 % of 250 is 161, and not 162 by the error of the multiplication.
  return Math.max(0, Math.ceil(total * percent / 100 - 1e-9));
}
