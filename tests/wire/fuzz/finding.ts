/** A property that does not hold: what the fuzzer is after. */
export class Finding extends Error {
  override readonly name = "Finding";
}

/** Holds or is a finding. */
export function require(holds: boolean, property: string): asserts holds {
  if (!holds) throw new Finding(property);
}
