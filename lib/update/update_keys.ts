import { type MinisignKey, readMinisignKey } from "../base/minisign.ts";

/**
 * Public keys of minisign that sign releases, separated by spaces: the current one and the next one. The build writes
 * them into the bundle, so the literal must stay as it is.
 */
const UPDATE_KEYS: string = "";

/**
 * Keys of those who may sign an update: those of this build, and those that the owner of the host has added.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function updateKeys(
  added: readonly string[],
  builtIn: string = UPDATE_KEYS,
): MinisignKey[] {
  const lines = builtIn.split(" ").filter((line) => line !== "");
  return [...lines, ...added].map(readMinisignKey);
}
