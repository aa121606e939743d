/** Reason that a verdict is unknown: it depends on a step that has not happened. */
export class Unforeseen extends Error {
  override readonly name = "Unforeseen";
}
