/** Place in a file. */
export interface Place {
  /** Path below the Manager's folder, with slashes, as states/all.yaml. */
  readonly file: string;
  /** Line, counted from 1. */
  readonly line: number;
  /** Column, counted from 1. */
  readonly column: number;
}

/** Place as people and editors write it: states/all.yaml:3:7. */
export function formatPlace({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}
