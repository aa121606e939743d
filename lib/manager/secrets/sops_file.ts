import { createHash } from "node:crypto";
import { Document, isMap, isScalar, type Scalar } from "yaml";
import { PiriError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { Sealed } from "../../base/sealed.ts";
import { parseYaml } from "../../base/yaml.ts";
import { AgeKeys } from "./age_keys.ts";
import {
  boundOf,
  type Leaf,
  leavesOf,
  plainText,
  textOfKey,
} from "./sops_leaves.ts";
import {
  NO_RULES,
  shouldBeEncrypted,
  type SopsMetadata,
  sopsMetadata,
} from "./sops_rules.ts";
import {
  decryptValue,
  encryptValue,
  isEncrypted,
  NONCE_BYTES,
} from "./sops_value.ts";
import type { StoredSecret } from "./stored_secrets.ts";

/** Key of the metadata. */
const META = "sops";

/** Keys of a secret. */
const VALUE = "value";
const FOR = "for";

/** Rule of new files: whom a secret is for can be read. */
const READABLE = `^${FOR}$`;

/** Beginning of a MAC over encrypted values alone, so that it is never that of all values (SOPS, sops.go). */
const MAC_ONLY_ENCRYPTED = createHash("sha256").update("sops").digest();

/** Version of SOPS whose format this is. */
const VERSION = "3.9.0";

/**
 * File of secrets in the format of SOPS, with keys for age: names can be read, values are encrypted, and a MAC is over all
 * of them. Comments and what is not changed stay as they are.
 */
export class SopsFile {
  readonly #name: string;
  readonly #document: Document;
  readonly #random: Random;
  #meta: SopsMetadata;
  #key: Uint8Array;
  /** Texts of all leaves. */
  readonly #texts = new Map<Scalar, Sealed>();

  private constructor(
    name: string,
    document: Document,
    { meta, key, random }: {
      readonly meta: SopsMetadata;
      readonly key: Uint8Array;
      readonly random: Random;
    },
  ) {
    this.#name = name;
    this.#document = document;
    this.#meta = meta;
    this.#key = key;
    this.#random = random;
  }

  /** Makes an empty file for this recipient. */
  static create(name: string, recipient: string, random: Random): SopsFile {
    const meta: SopsMetadata = {
      age: [{ recipient, enc: "" }],
      lastmodified: "",
      mac: "",
      rules: { ...NO_RULES, unencryptedRegex: READABLE },
    };
    return new SopsFile(name, new Document({}), {
      meta,
      key: random.bytes(32),
      random,
    });
  }

  /**
   * Decrypts a file and checks its MAC.
   *
   * @throws {PiriError} CORRUPT; DENIED if it is not for these keys
   */
  static async open(
    text: string,
    name: string,
    { keys, random }: { readonly keys: AgeKeys; readonly random: Random },
  ): Promise<SopsFile> {
    const { document, value } = parseYaml(text, name, "CORRUPT");
    const meta = sopsMetadata(
      (value as Readonly<Record<string, unknown>> | undefined)?.[META],
      name,
    );
    const key = await keys.unwrap(meta.age.map(({ enc }) => enc), name);
    const file = new SopsFile(name, document, { meta, key, random });
    file.#decrypt();
    return file;
  }

  /** All secrets, in the order of the file. */
  get secrets(): ReadonlyMap<string, StoredSecret> {
    const secrets = new Map<string, StoredSecret>();
    const textOf = (path: string[]) => {
      const node = this.#document.getIn(path, true);
      return isScalar(node) ? this.#texts.get(node) : undefined;
    };
    const encryptedAt = (path: string[]) =>
      this.#isEncrypted(path) ? textOf(path) : undefined;
    for (const name of this.#names()) {
      const value = encryptedAt([name, VALUE]) ?? encryptedAt([name]);
      if (value === undefined) continue;
      const forTargets = textOf([name, FOR])?.open() ?? "";
      secrets.set(name, { value, forTargets });
    }
    return secrets;
  }

  /**
   * Sets a secret, or only whom it is for.
   *
   * @throws {PiriError} FAILED_PRECONDITION if the rules of the file would leave it readable
   */
  set(name: string, { value, forTargets }: StoredSecret): void {
    const path = [name, VALUE];
    if (!shouldBeEncrypted(this.#meta.rules, path)) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot set the secret "${name}": the rules of "${this.#name}" leave values of this name unencrypted`,
      );
    }
    const before = this.#document.getIn(path, true);
    const isSame = isScalar(before) &&
      this.#texts.get(before)?.open() === value.open();
    if (!isSame) {
      this.#document.setIn([name], this.#document.createNode({}));
      this.#put(path, value);
    }
    if (forTargets !== "") this.#put([name, FOR], new Sealed(forTargets));
    else this.#document.deleteIn([name, FOR]);
  }

  /** Removes a secret. False if there is none. */
  remove(name: string): boolean {
    return this.#document.delete(name);
  }

  /**
   * Encrypts all values with a new key.
   *
   * @throws {PiriError} FAILED_PRECONDITION for a file with comments that are encrypted
   */
  rotate(): void {
    if (this.#document.toString().includes("type:comment]")) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot rotate "${this.#name}": it has comments that SOPS has encrypted; use sops rotate`,
      );
    }
    this.#key = this.#random.bytes(32);
    this.#meta = {
      ...this.#meta,
      age: this.#meta.age.map(({ recipient }) => ({ recipient, enc: "" })),
    };
    for (const { path, node } of this.#leaves()) {
      const text = this.#texts.get(node);
      if (text !== undefined && isEncrypted(node.value)) {
        node.value = this.#encrypted(path, text);
      }
    }
  }

  /** Text of the file, with a new MAC. */
  async text(now: number): Promise<string> {
    const lastmodified = new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
    const mac = encryptValue(this.#mac(), {
      key: this.#key,
      bound: lastmodified,
      nonce: this.#random.bytes(NONCE_BYTES),
    });
    const age = await Promise.all(
      this.#meta.age.map(async ({ recipient, enc }) => ({
        recipient,
        enc: enc === "" ? await AgeKeys.wrap(this.#key, recipient) : enc,
      })),
    );
    const before = (this.#document.toJS() as Record<string, unknown>)[META];
    const rules = before ??
      { unencrypted_regex: READABLE, version: VERSION };
    this.#document.delete(META);
    this.#document.set(
      META,
      this.#document.createNode({ ...rules as object, age, lastmodified, mac }),
    );
    const time = this.#document.getIn([META, "lastmodified"], true);
    // Without quotes, YAML 1.1 has a time there and no text.
    if (isScalar(time)) time.type = "QUOTE_DOUBLE";
    return this.#document.toString({ lineWidth: 0 });
  }

  #decrypt(): void {
    for (const { path, node } of this.#leaves()) {
      const text = this.#isEncrypted(path) && isEncrypted(node.value)
        ? decryptValue(node.value, {
          key: this.#key,
          bound: boundOf(path),
        }, this.#name)
        : plainText(node.value);
      this.#texts.set(node, new Sealed(text));
    }
    const { mac, lastmodified } = this.#meta;
    const told = decryptValue(mac, {
      key: this.#key,
      bound: lastmodified,
    }, this.#name);
    if (told === this.#mac()) return;
    throw new PiriError(
      "CORRUPT",
      `Cannot read "${this.#name}": its MAC does not fit, as it was changed without SOPS`,
    );
  }

  #put(path: readonly string[], text: Sealed): void {
    const node = this.#document.createNode(
      this.#isEncrypted(path) ? this.#encrypted(path, text) : text.open(),
    ) as Scalar;
    this.#document.setIn(path, node);
    this.#texts.set(node, text);
  }

  #encrypted(path: readonly string[], text: Sealed): string {
    return encryptValue(text.open(), {
      key: this.#key,
      bound: boundOf(path),
      nonce: this.#random.bytes(NONCE_BYTES),
    });
  }

  #isEncrypted(path: readonly string[]): boolean {
    return shouldBeEncrypted(this.#meta.rules, path);
  }

  /** SHA-512 of all texts in their order. */
  #mac(): string {
    const hash = createHash("sha512");
    if (this.#meta.rules.macOnlyEncrypted) hash.update(MAC_ONLY_ENCRYPTED);
    for (const { path, node } of this.#leaves()) {
      if (this.#meta.rules.macOnlyEncrypted && !this.#isEncrypted(path)) {
        continue;
      }
      hash.update(this.#texts.get(node)?.open() ?? "");
    }
    return hash.digest("hex").toUpperCase();
  }

  *#names(): Iterable<string> {
    const { contents } = this.#document;
    if (!isMap(contents)) return;
    for (const { key } of contents.items) {
      const name = textOfKey(key);
      if (name !== "" && name !== META) yield name;
    }
  }

  *#leaves(): Iterable<Leaf> {
    for (const name of this.#names()) {
      yield* leavesOf(this.#document.get(name, true), [name]);
    }
  }
}
