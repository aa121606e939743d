/** A property that does not hold. */
export class Finding extends Error {
  override readonly name = "Finding";
}

/** Throws a finding if the property does not hold. */
export function require(holds: boolean, property: string): asserts holds {
  if (!holds) throw new Finding(property);
}
