import { Drop } from "liquidjs";
import type { SecretForm } from "../steps/secrets/secret_form.ts";
import type { SecretReference } from "../steps/secrets/secret_values.ts";
import type { StateSecret } from "./compile_input.ts";

const ADVICE =
  "it can be put in whole, or through json, base64, shell or url, and nothing else";

/**
 * Secret while a state is compiled. Its value is not there: it is a name with the keyed hash of its value, and every use
 * but putting it in whole is an error.
 */
export class SecretDrop extends Drop {
  readonly #part: SecretReference;

  constructor(part: SecretReference) {
    super();
    this.#part = part;
  }

  /** Reference to the secret. */
  static partOf(secret: SecretDrop): SecretReference {
    return secret.#part;
  }

  /** The secret in another form. */
  static as(secret: SecretDrop, form: SecretForm): SecretDrop {
    if (secret.#part.form !== undefined) {
      throw new Error(
        `the secret "${secret.#part.name}" has the form ${secret.#part.form}, and cannot have a second one`,
      );
    }
    return new SecretDrop({ ...secret.#part, form });
  }

  /** Refuses: a part of a secret is none. */
  override liquidMethodMissing(): never {
    throw misuse(this.#part.name);
  }

  /** Refuses: this is asked for by comparisons and filters. */
  override valueOf(): never {
    throw misuse(this.#part.name);
  }

  /** Refuses. */
  override toString(): never {
    throw misuse(this.#part.name);
  }

  /** Refuses. */
  toJSON(): never {
    throw misuse(this.#part.name);
  }
}

/** All secrets of an agent by their names. */
export class SecretsDrop extends Drop {
  readonly #secrets: ReadonlyMap<string, StateSecret>;

  constructor(secrets: ReadonlyMap<string, StateSecret>) {
    super();
    this.#secrets = secrets;
  }

  /** Secret of this name; undefined if there is none. */
  override liquidMethodMissing(key: string | number): SecretDrop | undefined {
    const name = String(key);
    const secret = this.#secrets.get(name);
    if (secret === undefined) return undefined;
    if (typeof secret === "object") throw new Error(secret.refusal);
    return new SecretDrop({ name, mac: secret });
  }

  /** Refuses: only one secret can be used at once. */
  override valueOf(): never {
    throw new Error("all secrets at once cannot be used; name one of them");
  }

  /** Refuses. */
  toJSON(): never {
    return this.valueOf();
  }
}

function misuse(name: string): Error {
  return new Error(`the secret "${name}" is used here; ${ADVICE}`);
}
