import * as v from "valibot";
import { PiriError } from "../../base/errors.ts";

/** Rules of a file of SOPS by which values are encrypted. An empty one is none. */
export interface SopsRules {
  /** True if values that are not encrypted do not count for the MAC. */
  readonly macOnlyEncrypted: boolean;
  readonly unencryptedSuffix: string;
  readonly encryptedSuffix: string;
  readonly unencryptedRegex: string;
  readonly encryptedRegex: string;
}

/** Part of the metadata of a file of SOPS that is used here. */
export interface SopsMetadata {
  /** Keys for age, and the key of the file encrypted for each, in ASCII armor. */
  readonly age: readonly {
    readonly recipient: string;
    readonly enc: string;
  }[];
  /** Time of the last change, to which the MAC is bound. */
  readonly lastmodified: string;
  readonly mac: string;
  readonly rules: SopsRules;
}

/** Rules of a file that says none. */
export const NO_RULES: SopsRules = {
  macOnlyEncrypted: false,
  unencryptedSuffix: "",
  encryptedSuffix: "",
  unencryptedRegex: "",
  encryptedRegex: "",
};

const text = v.optional(v.string(), "");

const Metadata = v.object({
  age: v.array(v.object({ recipient: v.string(), enc: v.string() })),
  lastmodified: v.string(),
  mac: v.string(),
  mac_only_encrypted: v.optional(v.boolean(), false),
  unencrypted_suffix: text,
  encrypted_suffix: text,
  unencrypted_regex: text,
  encrypted_regex: text,
});

/**
 * Reads the metadata of a file.
 *
 * @throws {PiriError} CORRUPT
 */
export function sopsMetadata(value: unknown, name: string): SopsMetadata {
  const result = v.safeParse(Metadata, value);
  if (result.success) {
    const { age, lastmodified, mac, ...rules } = result.output;
    return {
      age,
      lastmodified,
      mac,
      rules: {
        macOnlyEncrypted: rules.mac_only_encrypted,
        unencryptedSuffix: rules.unencrypted_suffix,
        encryptedSuffix: rules.encrypted_suffix,
        unencryptedRegex: rules.unencrypted_regex,
        encryptedRegex: rules.encrypted_regex,
      },
    };
  }
  throw new PiriError(
    "CORRUPT",
    `Cannot read "${name}": "sops.${
      v.getDotPath(result.issues[0]) ?? ""
    }" is missing or wrong; the file should be one that SOPS has encrypted for age`,
  );
}

/** True if the value at a path is encrypted by the rules of its file. */
export function shouldBeEncrypted(
  rules: SopsRules,
  path: readonly string[],
): boolean {
  const has = (suffix: string) => path.some((part) => part.endsWith(suffix));
  const fits = (regex: string) =>
    path.some((part) => new RegExp(regex).test(part));
  if (rules.encryptedSuffix !== "") return has(rules.encryptedSuffix);
  if (rules.encryptedRegex !== "") return fits(rules.encryptedRegex);
  if (rules.unencryptedRegex !== "") return !fits(rules.unencryptedRegex);
  return !has(rules.unencryptedSuffix || "_unencrypted");
}
