import { Drop } from "liquidjs";
import type { SecretValue } from "../steps/sheet.ts";

/** Forms in which a secret may be put into a text. */
export const SECRET_FORMS = ["json", "base64", "shell", "url"] as const;

/** Form of a secret in a text. */
export type SecretForm = typeof SECRET_FORMS[number];

/** Text around and between secrets, and the secrets. */
export type SecretPart = SecretValue["$secret"]["parts"][number];

const ADVICE =
  "it can be put in whole, or through json, base64, shell or url, and nothing else";

/**
 * Secret while a state is compiled. Its value is not there: it is a name with the keyed hash of its value, and every use
 * but putting it in whole is an error.
 */
export class SecretDrop extends Drop {
  readonly #part: Exclude<SecretPart, string>;

  constructor(part: Exclude<SecretPart, string>) {
    super();
    this.#part = part;
  }

  /** Reference to the secret. */
  static partOf(secret: SecretDrop): Exclude<SecretPart, string> {
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
  readonly #macs: ReadonlyMap<string, string>;

  constructor(macs: ReadonlyMap<string, string>) {
    super();
    this.#macs = macs;
  }

  /** Secret of this name; undefined if there is none. */
  override liquidMethodMissing(key: string | number): SecretDrop | undefined {
    const name = String(key);
    const mac = this.#macs.get(name);
    return mac === undefined ? undefined : new SecretDrop({ name, mac });
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
