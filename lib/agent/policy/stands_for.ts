import type { Operation } from "../../operations/operation.ts";
import { operations } from "../../operations/registry.ts";

/** Acting operations that change no file of the host themselves: programs have rules of their own. */
const OTHERS = /^(?:agent|command|state|wait)\./;

/** Operations by which files of the host change, as far as a policy knows: whatever else they do, a path bounds them. */
export const WRITERS: readonly Operation[] = operations.filter(
  ({ acts, name }) => acts && !OTHERS.test(name),
);

/** Operations that a rule about one is about, too: a state does all that its steps do. */
export function standsFor(name: string): readonly Operation[] {
  return [
    ...operations.filter((each) => each.name === name),
    ...name === "state.Apply" ? WRITERS : [],
  ];
}
