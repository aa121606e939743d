import { messageOf, PiriError } from "../../base/errors.ts";
import {
  exists,
  readPrivateFile,
  writeFileAtomically,
} from "../../base/files.ts";
import type { Random } from "../../base/random.ts";
import type { Sealed } from "../../base/sealed.ts";
import { secretMac } from "./secret_mac.ts";

/** The library of age, loaded at its first use: reading it is a tenth of a Manager's start. */
function age(): Promise<typeof import("age-encryption")> {
  return import("age-encryption");
}

/** Makes the text of a file with a new key, as `age-keygen` writes it. */
export async function newAgeKeyText(): Promise<string> {
  const { generateIdentity, identityToRecipient } = await age();
  const identity = await generateIdentity();
  const recipient = await identityToRecipient(identity);
  return `# public key: ${recipient}\n${identity}\n`;
}

/** Keys of age by which files of secrets are read. */
export class AgeKeys {
  /** Public key that new files are encrypted for. */
  readonly recipient: string;
  readonly #first: string;
  readonly #identities: readonly string[];

  private constructor(
    recipient: string,
    [first, ...others]: readonly [string, ...string[]],
  ) {
    this.recipient = recipient;
    this.#first = first;
    this.#identities = [first, ...others];
  }

  /**
   * Reads a file with keys. Makes one if there is none.
   *
   * @throws {PiriError} CORRUPT; DENIED if others may read it; DISK
   */
  static async load(path: string, random: Random): Promise<AgeKeys> {
    if (!await exists(path)) {
      await writeFileAtomically(path, await newAgeKeyText(), { random });
    }
    const identities = (await readPrivateFile(path)).split(/\s*\n/)
      .filter((line) => line.startsWith("AGE-SECRET-KEY-"));
    const [first, ...others] = identities;
    if (first === undefined) {
      throw new PiriError(
        "CORRUPT",
        `Cannot read "${path}": it has no age key`,
      );
    }
    const { identityToRecipient } = await age();
    return new AgeKeys(await identityToRecipient(first), [first, ...others]);
  }

  /** Keyed hash of a secret's value; see `secretMac`. */
  macOf(name: string, value: Sealed): string {
    return secretMac(this.#first, name, value);
  }

  /** Encrypts a key for a recipient, in ASCII armor. */
  static async wrap(key: Uint8Array, recipient: string): Promise<string> {
    const { armor, Encrypter } = await age();
    const encrypter = new Encrypter();
    encrypter.addRecipient(recipient);
    return armor.encode(await encrypter.encrypt(key));
  }

  /**
   * Decrypts the first of these keys that is for one of these identities.
   *
   * @throws {PiriError} DENIED if none is
   */
  async unwrap(
    wrapped: readonly string[],
    name: string,
  ): Promise<Uint8Array> {
    const { armor, Decrypter } = await age();
    let why = "it has no key for age";
    for (const text of wrapped) {
      try {
        const decrypter = new Decrypter();
        for (const identity of this.#identities) {
          decrypter.addIdentity(identity);
        }
        return await decrypter.decrypt(armor.decode(text));
      } catch (error) {
        why = messageOf(error);
      }
    }
    throw new PiriError(
      "DENIED",
      `Cannot read "${name}": it is not encrypted for this Manager's key, ${this.recipient} (${why})`,
    );
  }
}
