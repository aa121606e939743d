import { PiriError } from "../../base/errors.ts";
import type { Thing } from "../host/host.ts";
import { unitName } from "../providers/services/unit_names.ts";

/** Services that a step is about, under the names that service managers may give them. */
export function serviceThings({ name }: { readonly name: string }): Thing[] {
  const units = unlessWrong(() => [unitName(name, true)]);
  return [...new Set([name, ...units])].map((each) => ({
    kind: "unit",
    name: each,
  }));
}

/** Result of a task; nothing for parameters that are wrong, which the check of the step tells. */
export function unlessWrong<T>(task: () => readonly T[]): readonly T[] {
  try {
    return task();
  } catch (error) {
    if (error instanceof PiriError) return [];
    throw error;
  }
}
