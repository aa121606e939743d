import { fstatSync } from "node:fs";

/** File descriptor of standard error. */
const STDERR = 2;

/**
 * True if standard error of this program goes to the journal of systemd: JOURNAL_STREAM then names its device and inode.
 * The variable alone is no sign, for it is inherited by programs whose standard error goes elsewhere.
 */
export function isJournalStream(
  named: string | undefined,
  stream: () => { readonly dev: number; readonly ino: number } = stderrFile,
): boolean {
  if (!named) return false;
  try {
    const { dev, ino } = stream();
    return named === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

function stderrFile(): { readonly dev: number; readonly ino: number } {
  return fstatSync(STDERR);
}
