import type { Operation } from "../../operations/operation.ts";
import { operations } from "../../operations/registry.ts";

/** Operations that a rule about one is about, too: a state writes files as these do. */
export function standsFor(name: string): readonly Operation[] {
  return operations.filter((each) =>
    each.name === name ||
    (name === "state.Apply" && each.acts && each.name.startsWith("file."))
  );
}
