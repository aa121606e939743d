import type { CommandPatch } from "./records.ts";
import type { PackedPatches, StoreCall } from "./thread_protocol.ts";

/** Patch as fields by name. */
type Fields = Readonly<Record<string, unknown>>;

/** Packs patches that follow each other; all other calls stay as they are. */
export function packCalls(
  calls: readonly StoreCall[],
): (StoreCall | PackedPatches)[] {
  const packed: (StoreCall | PackedPatches)[] = [];
  let from = 0;
  for (let call = calls[from]; call !== undefined; call = calls[from]) {
    const below = endOfAlike(calls, from);
    packed.push(
      below - from === 1 ? call : packPatches(calls.slice(from, below)),
    );
    from = below;
  }
  return packed;
}

/** Calls that were packed. */
export function unpackCalls(
  calls: readonly (StoreCall | PackedPatches)[],
): StoreCall[] {
  return calls.flatMap((call) => "ids" in call ? unpackPatches(call) : call);
}

/** End of the patches of the same fields that begin at a place; the next place if that is another call. */
function endOfAlike(calls: readonly StoreCall[], from: number): number {
  const first = patchOf(calls[from]);
  let below = from + 1;
  if (first === undefined) return below;
  const fields = Object.keys(first);
  while (below < calls.length && hasFields(patchOf(calls[below]), fields)) {
    below++;
  }
  return below;
}

/** Patch of a call without an entry for the audit; undefined for any other call. */
function patchOf(call: StoreCall | undefined): Fields | undefined {
  return call?.method === "patchCommand" && call.args.length === 1
    ? call.args[0] as Fields
    : undefined;
}

function hasFields(
  patch: Fields | undefined,
  fields: readonly string[],
): boolean {
  if (patch === undefined) return false;
  const its = Object.keys(patch);
  return its.length === fields.length &&
    its.every((field, index) => field === fields[index]);
}

function packPatches(calls: readonly StoreCall[]): PackedPatches {
  const patches = calls.map((call) => call.args[0] as CommandPatch & Fields);
  const [first] = patches as [CommandPatch & Fields];
  const own = Object.keys(first).filter((field) =>
    patches.some((patch) => patch[field] !== first[field])
  );
  const cells: unknown[] = [];
  for (const patch of patches) {
    for (const field of own) cells.push(patch[field]);
  }
  return {
    ids: calls.map(({ id }) => id),
    first,
    own,
    cells,
  };
}

function unpackPatches({ ids, first, own, cells }: PackedPatches): StoreCall[] {
  let next = 0;
  return ids.map((id) => {
    const patch: Record<string, unknown> = { ...first };
    for (const field of own) patch[field] = cells[next++];
    return { id, method: "patchCommand", args: [patch] };
  });
}
