/** Reason that a verdict is unknown: it depends on a step that has not happened. */
export class Unforeseen extends Error {
  override readonly name = "Unforeseen";
}

/** Reason of a verdict that depends on a step whose own is unknown. */
export function dependsOn(step: string): Unforeseen {
  return new Unforeseen(`it depends on step "${step}", which is unknown`);
}
