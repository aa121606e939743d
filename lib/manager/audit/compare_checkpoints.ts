import type { Checkpoint } from "../../base/checkpoint.ts";
import { sameHash } from "../../base/secret.ts";
import type { AuditState } from "../../store/audit_records.ts";
import type { AuditProblem } from "../api/audit_api.ts";

/** Hashes that one request asks for. */
const PAGE = 1_000;

/** Agents that a problem names, a count. */
const MAX_NAMED = 5;

/** Checkpoint that the Manager has signed. */
export interface Signed {
  readonly checkpoint: Checkpoint;
  /** Agents that keep it; none for one of the Manager itself. */
  readonly agents: readonly string[];
}

/**
 * Compares signed checkpoints with the chain: at most one problem about its end, and one about what is in it. Those of
 * entries that were pruned cannot be compared.
 */
export async function compareCheckpoints(
  signed: readonly Signed[],
  { state: { end, stub }, hashOf }: {
    readonly state: AuditState;
    readonly hashOf: (
      ids: readonly bigint[],
    ) => Promise<(Uint8Array | null)[]>;
  },
): Promise<AuditProblem[]> {
  const sorted = signed
    .filter(({ checkpoint }) => checkpoint.count >= (stub?.count ?? 1n))
    .toSorted((one, other) => less(one.checkpoint, other.checkpoint) ? -1 : 1);
  const within = sorted.filter(({ checkpoint }) => checkpoint.count <= end.id);
  const problems: AuditProblem[] = [];
  /** Entries up to this one are those that were signed. */
  let good = stub?.count ?? 0n;
  for (let from = 0; from < within.length && problems.length === 0;) {
    const page = within.slice(from, from + PAGE);
    const hashes = await hashOf(page.map(({ checkpoint }) => checkpoint.count));
    for (const [index, each] of page.entries()) {
      const hash = hashes[index] ?? null;
      if (hash === null || !sameHash(hash, each.checkpoint.hash)) {
        problems.push(rebuilt(good, each));
        break;
      }
      good = each.checkpoint.count;
    }
    from += PAGE;
  }
  const last = sorted.at(-1);
  if (last !== undefined && last.checkpoint.count > end.id) {
    problems.push(cut(end.id, last));
  }
  return problems;
}

function rebuilt(good: bigint, { checkpoint, agents }: Signed): AuditProblem {
  const first = good + 1n;
  const which = first === checkpoint.count
    ? `entry ${first} is`
    : `entries ${first} to ${checkpoint.count} are`;
  return {
    id: first,
    kind: "rebuilt",
    message: `${which} not what the Manager signed at ${timeOf(checkpoint)}${
      keptBy(agents)
    }: the chain was made again`,
    agents: agents.slice(0, MAX_NAMED),
  };
}

function cut(end: bigint, { checkpoint, agents }: Signed): AuditProblem {
  return {
    id: end + 1n,
    kind: "cut",
    message:
      `the end is missing: the Manager signed ${checkpoint.count} entries at ${
        timeOf(checkpoint)
      }${keptBy(agents)}, and there are ${end}`,
    agents: agents.slice(0, MAX_NAMED),
  };
}

function keptBy(agents: readonly string[]): string {
  if (agents.length === 0) return "";
  const named = agents.slice(0, MAX_NAMED).join(", ");
  const more = agents.length - MAX_NAMED;
  return ` (kept by ${more > 0 ? `${named} and ${more} more` : named})`;
}

function timeOf({ at }: Checkpoint): string {
  return new Date(at).toISOString();
}

function less(one: Checkpoint, other: Checkpoint): boolean {
  return one.count < other.count;
}
