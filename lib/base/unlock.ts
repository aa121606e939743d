/**
 * Unlocks a file and closes it. Closing alone is not enough: a program that another thread starts in this moment has
 * the file, too, and with it the lock, until it has begun.
 */
export function unlockAndClose(file: Deno.FsFile): void {
  try {
    file.unlockSync();
  } catch {
    // Wine cannot unlock a whole file. There, a program that is started does not have the file, so closing unlocks it.
  } finally {
    file.close();
  }
}
