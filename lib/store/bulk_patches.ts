import { commandShape as shape } from "./command_shape.ts";
import { assignments, changedFields } from "./command_update.ts";
import type { Database, SqlValue } from "./database.ts";
import { jsonRows, rowKey } from "./json_rows.ts";
import type { CommandPatch, CommandRecord } from "./records.ts";

/** Fields that differ between results which come together; all others are mostly the same, and are bound once. */
const OWN_FIELDS: ReadonlySet<keyof CommandRecord> = new Set([
  "instance",
  "session",
  "sentAt",
  "startedAt",
  "finishedAt",
  "agentStartedAt",
  "agentFinishedAt",
  "data",
  "stdoutHeld",
  "stderrHeld",
  "stdoutSha256",
  "stderrSha256",
  "progressCurrent",
  "progressAt",
]);

/** Patches of the same fields, of different commands, with the same values but for their own. */
interface Alike {
  readonly own: readonly (keyof CommandRecord)[];
  readonly shared: readonly (keyof CommandRecord)[];
  readonly values: readonly SqlValue[];
  readonly patches: CommandPatch[];
}

/** Applies patches of many commands by few statements. */
export class BulkPatches {
  readonly #db: Database;
  readonly #one: (patch: CommandPatch) => boolean;
  readonly #updates = new Map<string, string>();

  /** `one` applies a patch by itself; false if there is no such command. */
  constructor(db: Database, one: (patch: CommandPatch) => boolean) {
    this.#db = db;
    this.#one = one;
  }

  /**
   * Applies patches, with the same rows in the end as if each was applied by itself, in their order. False if one of
   * them has to be told apart: its command does not exist, or output before it is not held. Then some may have been
   * applied, and the caller undoes them.
   */
  apply(patches: readonly CommandPatch[]): boolean {
    return alike(patches).every((one) => this.#update(one));
  }

  #update({ own, shared, values, patches }: Alike): boolean {
    const isOne = patches.length === 1 || own.length + shared.length === 0;
    const rows = isOne ? undefined : jsonRows(patches.map((patch) => [
      patch.id,
      patch.after?.stdout ?? 0n,
      patch.after?.stderr ?? 0n,
      ...shape.cells(patch as CommandRecord, own),
    ]));
    if (rows === undefined) return patches.every((patch) => this.#one(patch));
    const { changes } = this.#db.run(
      this.#statement(shared, own),
      ...values,
      rows,
    );
    return changes === patches.length;
  }

  /** Statement for patches of these fields. There are few kinds of patches. */
  #statement(
    shared: readonly (keyof CommandRecord)[],
    own: readonly (keyof CommandRecord)[],
  ): string {
    const fields = [...shared, ...own];
    const key = fields.join();
    const known = this.#updates.get(key);
    if (known !== undefined) return known;
    const cells = [...shared.map(() => "?"), ...shape.fromJson(own, 3)];
    const update = `UPDATE commands SET ${
      assignments(fields, (index) => cells[index] ?? "")
    } FROM json_each(?)
      WHERE commands.id = CAST(value ->> 0 AS INTEGER)
        AND stdout_held >= CAST(value ->> 1 AS INTEGER)
        AND stderr_held >= CAST(value ->> 2 AS INTEGER)`;
    this.#updates.set(key, update);
    return update;
  }
}

/**
 * Patches by what they change. Those of one command stay in their order: the first of each come first, then the second
 * ones.
 */
function alike(patches: readonly CommandPatch[]): Alike[] {
  const seen = new Map<bigint, number>();
  const found: Map<string, Alike>[] = [];
  for (const patch of patches) {
    const earlier = seen.get(patch.id) ?? 0;
    seen.set(patch.id, earlier + 1);
    const kinds = found[earlier] ??= new Map();
    const fields = changedFields(patch);
    const own = fields.filter((field) => OWN_FIELDS.has(field));
    const shared = fields.filter((field) => !OWN_FIELDS.has(field));
    const values = shape.cells(patch as CommandRecord, shared);
    const key = `${own} ${shared} ${rowKey(values)}`;
    const kind = kinds.get(key);
    if (kind === undefined) {
      kinds.set(key, { own, shared, values, patches: [patch] });
    } else kind.patches.push(patch);
  }
  return found.flatMap((kinds) => [...kinds.values()]);
}
