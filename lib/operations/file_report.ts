import { octalMode } from "../base/posix_rights.ts";
import type { OperationEvent, Outcome } from "./operation.ts";
import type { Change } from "./target_file.ts";

/** File that an operation has put on the host, or found there. */
export interface PutFile {
  readonly path: string;
  /** Parts of it that were changed. */
  readonly changes: readonly Change[];
  /** Size in bytes, if the content was changed. */
  readonly size?: number | undefined;
  /** Mode that it should have. */
  readonly mode?: number | undefined;
}

/** Prints a line about a file, and makes the outcome that says the same. */
export async function* report(
  file: PutFile,
  data?: Readonly<Record<string, unknown>>,
): AsyncGenerator<OperationEvent, Outcome> {
  const message = wordsOf(file);
  const bytes = new TextEncoder().encode(`${message}\n`);
  yield { kind: "output", stream: "stdout", bytes };
  return {
    success: true,
    changed: file.changes.length > 0,
    message,
    ...(data === undefined ? {} : { data: { ...data, changes: file.changes } }),
  };
}

function wordsOf({ path, changes, size = 0, mode }: PutFile): string {
  // A name may have line breaks and worse in it.
  const shown = /^[^\s\p{C}"]+$/u.test(path) ? path : JSON.stringify(path);
  if (changes.length === 0) return `unchanged: ${shown}`;
  if (changes.includes("content")) {
    const bytes = size === 1 ? "1 byte" : `${grouped(size)} bytes`;
    return `wrote ${shown} (${bytes})`;
  }
  const to = changes.includes("mode") && mode !== undefined
    ? ` to ${octalMode(mode)}`
    : "";
  return `set the ${changes.join(" and ")} of ${shown}${to}`;
}

/** A number with a comma after each three digits. */
function grouped(number: number): string {
  return String(number).replace(/\B(?=(?:[0-9]{3})+$)/g, ",");
}
