import { commandShape as shape } from "./command_shape.ts";
import type { CommandPatch, CommandRecord } from "./records.ts";

/** Fields that a patch never has: those that a command is created with, and those that the store counts itself. */
const FIXED_FIELDS: ReadonlySet<string> = new Set(
  [
    "agent",
    "operation",
    "params",
    "nonce",
    "job",
    "createdAt",
    "rerunOf",
    "outputKept",
  ] satisfies (keyof CommandRecord)[],
);

/** Fields that a patch changes. */
export function changedFields(patch: CommandPatch): (keyof CommandRecord)[] {
  const { id: _id, after: _after, keys: _keys, ...changes } = patch;
  const fields = Object.keys(changes) as (keyof typeof changes)[];
  return fields.filter((field) => changes[field] !== undefined);
}

/**
 * Assignments of an UPDATE for a patch of these fields.
 *
 * @param fields Fields that the patch changes.
 * @param value Expression of a field's new value, by the field's place.
 * @throws {TypeError} if one of them is fixed
 */
export function assignments(
  fields: readonly (keyof CommandRecord)[],
  value: (index: number) => string,
): string {
  const fixed = fields.find((field) => FIXED_FIELDS.has(field));
  if (fixed !== undefined) {
    throw new TypeError(`Cannot patch "${fixed}" of a command: it is fixed`);
  }
  return shape.names(fields).map((name, index) =>
    // The store may know of a cut that the one who asks has not heard of yet.
    name === "truncated"
      ? `truncated = max(truncated, ${value(index)})`
      : `${name} = ${value(index)}`
  ).join(", ");
}
