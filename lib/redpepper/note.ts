/** Remark about a file of RedPepper. */
export interface Note {
  /** Path below the folder of its data, with slashes. */
  readonly file: string;
  /** Line, counted from 1; undefined if it is about the whole file. */
  readonly line?: number;
  readonly message: string;
  /** True if something was not taken; else it is taken, and differs or needs a look. */
  readonly isLost: boolean;
}

/** Order of remarks: by file and line. */
export function compareNotes(one: Note, other: Note): number {
  if (one.file !== other.file) return one.file < other.file ? -1 : 1;
  return (one.line ?? 0) - (other.line ?? 0);
}

/** Text of a remark behind its place. */
export function formatNote({ file, line, message }: Note): string {
  return `${file}${line === undefined ? "" : `:${line}`}: ${message}`;
}
