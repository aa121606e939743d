import { isMap, isScalar, isSeq, type Scalar } from "yaml";

/** A value of a file that is no map and no list. */
export interface Leaf {
  readonly path: readonly string[];
  readonly node: Scalar;
}

/** Leaves of a node. Items of a list have the path of the list. */
export function* leavesOf(
  node: unknown,
  path: readonly string[],
): Iterable<Leaf> {
  if (isScalar(node)) yield { path, node };
  else if (isSeq(node)) {
    for (const item of node.items) yield* leavesOf(item, path);
  } else if (isMap(node)) {
    for (const { key, value } of node.items) {
      yield* leavesOf(value, [...path, textOfKey(key)]);
    }
  }
}

/** Text of a key. One that was set here is no node. */
export function textOfKey(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

/** Text that binds a value to its path. */
export function boundOf(path: readonly string[]): string {
  return `${path.join(":")}:`;
}

/** Text of a value that is not encrypted, as the MAC takes it. */
export function plainText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}
