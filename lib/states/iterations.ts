import { isObject } from "../base/json_object.ts";
import type { Place } from "./place.ts";
import { StateError } from "./problems.ts";
import { SecretDrop } from "./secret_text.ts";

/** One turn of an "each". */
export interface Iteration {
  readonly value: unknown;
  /** Name of the item, which stands in the names of its steps. */
  readonly label: string;
  /** True if the item has no name of its own, and its number is its label. */
  readonly isCounted: boolean;
}

/** Keys of an item in a list that name it. */
const NAME_KEYS = ["name", "id", "path"];

/**
 * Turns of an "each" over a list or a map. An item of a map has its key as `name` and `key`.
 *
 * @throws {StateError} for a value that has no items
 */
export function iterationsOf(
  value: unknown,
  place: Place,
): readonly Iteration[] {
  if (Array.isArray(value)) {
    const labels = value.map(labelOf);
    const isNamed = labels.every((label) => label !== undefined) &&
      new Set(labels).size === labels.length;
    return value.map((each, index) => ({
      value: each,
      label: isNamed ? labels[index] ?? "" : String(index),
      isCounted: !isNamed,
    }));
  }
  if (value instanceof SecretDrop) {
    throw new StateError(place, 'Cannot read "each": a secret has no items');
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([key, each]) => ({
      value: isObject(each)
        ? { name: key, key, ...each }
        : { name: key, key, value: each },
      label: key,
      isCounted: false,
    }));
  }
  throw new StateError(
    place,
    `Cannot read "each": ${
      value === null || value === undefined ? "nothing" : "a single value"
    } is here, and a list or a map should be, as \${data.users}`,
  );
}

function labelOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return String(value);
  if (!isObject(value)) return undefined;
  const key = NAME_KEYS.find((each) =>
    Object.hasOwn(value, each) && typeof value[each] === "string"
  );
  return key === undefined ? undefined : String(value[key]);
}
