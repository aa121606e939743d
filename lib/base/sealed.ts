/** Text that takes the place of a secret. */
export const MASK = "***";

/**
 * Secret text that does not show itself: in a text, in JSON, in an error and in what `Deno.inspect` prints it is "***".
 * Only `open` gives it.
 */
export class Sealed {
  readonly #text: string;

  /** Seals a text. */
  constructor(text: string) {
    this.#text = text;
  }

  /** The secret. The caller must put it nowhere but where it is needed. */
  open(): string {
    return this.#text;
  }

  /** Shows "***". */
  toString(): string {
    return MASK;
  }

  /** Shows "***". */
  toJSON(): string {
    return MASK;
  }

  /** Shows "***". */
  [Symbol.for("Deno.customInspect")](): string {
    return MASK;
  }

  /** Shows "***". */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return MASK;
  }
}
