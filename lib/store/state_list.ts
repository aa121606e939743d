/** States as a list in a statement, in the words of the indexes on them: SQLite does not use these otherwise. */
export function stateList(states: readonly string[]): string {
  return `(${states.map((state) => `'${state}'`).join(", ")})`;
}
