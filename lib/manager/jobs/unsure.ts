/** Reason of an end without a command, of an entry that may have run all the same. */
export function unsureReason(reason: string): string {
  return `${reason}; it may have run already, if this database was restored from a backup`;
}
