import { encodeHex } from "@std/encoding/hex";
import type { JobEntry } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { PRECEDENCE } from "../../exit_code.ts";
import { exitCodeOfEntry, labelOf } from "./entry_state.ts";

/** Agents of a job that ended alike and printed the same. */
export interface OutputGroup {
  /** Entries of the group, at least one, in the order of starting. */
  readonly entries: readonly [JobEntry, ...JobEntry[]];
  readonly succeeded: boolean;
  /** True if the output of some is not known beyond what is kept of it. */
  readonly asFarAsKept: boolean;
}

/**
 * Groups of the entries that had a command: equal state, exit code, signal, stdout and stderr. Successes come first and
 * large groups before small ones; what ended worst comes last.
 */
export function groupsOf(entries: Iterable<JobEntry>): OutputGroup[] {
  const byKey = new Map<string, [JobEntry, ...JobEntry[]]>();
  for (const entry of entries) {
    if (entry.commandId === undefined) continue;
    const key = keyOf(entry);
    const group = byKey.get(key);
    if (group === undefined) byKey.set(key, [entry]);
    else group.push(entry);
  }
  return [...byKey.values()].map(groupOf)
    .toSorted((one, other) =>
      rank(one) - rank(other) || other.entries.length - one.entries.length ||
      one.entries[0].position - other.entries[0].position
    );
}

function groupOf(entries: readonly [JobEntry, ...JobEntry[]]): OutputGroup {
  const [first] = entries;
  return {
    entries,
    succeeded: labelOf(first) === "succeeded",
    asFarAsKept: first.hashOfKept,
  };
}

/** Place of a group: the better its end, the earlier. */
function rank({ entries: [first], succeeded }: OutputGroup): number {
  return succeeded ? -1 : PRECEDENCE.length -
    PRECEDENCE.indexOf(exitCodeOfEntry(first));
}

function keyOf(entry: JobEntry): string {
  const { exitCode, signal, presumed, hashOfKept } = entry;
  return [
    labelOf(entry),
    // The exit code of a success says nothing: some operations have none.
    labelOf(entry) === "succeeded" ? "" : exitCode,
    signal,
    presumed,
    hashOfKept,
    streamKey(entry, "stdout"),
    streamKey(entry, "stderr"),
  ].join(" ");
}

/** Key of a stream: that of one whose content nothing tells is its own. */
function streamKey(entry: JobEntry, stream: "stdout" | "stderr"): string {
  const bytes = entry[`${stream}Bytes`];
  if (bytes === 0n) return "empty";
  const hash = entry[`${stream}Sha256`];
  if (hash.length === 0) return `of ${entry.position}`;
  return entry.hashOfKept ? `${bytes}:${encodeHex(hash)}` : encodeHex(hash);
}
