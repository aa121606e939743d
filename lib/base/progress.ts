/** Progress of a command. */
export interface Progress {
  readonly current: number;
  /** Steps in all; 0 if it is not known. */
  readonly total: number;
  readonly message: string;
}

/** True if progress tells more than that a command has begun or ended, as 0 of 1 and 1 of 1 do. */
export function tellsSomething(
  { current, total, message }: Progress,
): boolean {
  return message !== "" || total > 1 || current > total;
}

/** Writes progress as text, as "3 of 9 copying". */
export function progressWords({ current, total, message }: Progress): string {
  const share = total > 0 ? `${current} of ${total}` : String(current);
  return `${share} ${message}`.trimEnd();
}
