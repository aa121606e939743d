import type { Thing } from "../host/host.ts";
import { unitName } from "../providers/services/unit_names.ts";

/** Services that a step is about, under the names that service managers may give them. */
export function serviceThings({ name }: { readonly name: string }): Thing[] {
  const names = new Set([name]);
  try {
    names.add(unitName(name));
  } catch {
    // Its check tells that this is no name of a unit.
  }
  return [...names].map((each) => ({ kind: "unit", name: each }));
}
