/** Words of target expressions. No new agent or group may have such a name, and an old one must be quoted. */
export const RESERVED_NAMES: readonly string[] = [
  "all",
  "and",
  "or",
  "not",
  "connected",
  "away",
  "job",
  "failed",
  "lost",
  "ok",
];

/** True for a word of target expressions, in upper or lower case. */
export function isReservedName(name: string): boolean {
  return RESERVED_NAMES.includes(name.toLowerCase());
}
