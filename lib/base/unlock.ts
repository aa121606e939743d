/**
 * Unlocks a file and closes it. Closing alone is not enough: a program that another thread starts in this moment has
 * the file, too, and with it the lock, until it has begun.
 */
export function unlockAndClose(file: Deno.FsFile): void {
  file.unlockSync();
  file.close();
}
