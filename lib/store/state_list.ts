/** States as a list in a statement, in the words of the indexes on them: SQLite does not use these otherwise. */
export function stateList(states: readonly string[]): string {
  return `(${states.map((state) => `'${state}'`).join(", ")})`;
}

/** Placeholders for some values, without the parentheses of a list. */
export function placeholders(values: readonly unknown[]): string {
  return values.map(() => "?").join(", ");
}
