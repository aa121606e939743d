import * as v from "valibot";
import { PiriError } from "../../base/errors.ts";

const text = v.optional(v.string(), "");

/** Part of the metadata of a file of SOPS that is used here. */
export const SopsMetadata = v.object({
  age: v.array(v.object({ recipient: v.string(), enc: v.string() })),
  lastmodified: v.string(),
  mac: v.string(),
  mac_only_encrypted: v.optional(v.boolean(), false),
  unencrypted_suffix: text,
  encrypted_suffix: text,
  unencrypted_regex: text,
  encrypted_regex: text,
});

/** Metadata of a file of SOPS. */
export type SopsMetadata = v.InferOutput<typeof SopsMetadata>;

/**
 * Reads the metadata of a file.
 *
 * @throws {PiriError} CORRUPT
 */
export function sopsMetadata(value: unknown, name: string): SopsMetadata {
  const result = v.safeParse(SopsMetadata, value);
  if (result.success) return result.output;
  throw new PiriError(
    "CORRUPT",
    `Cannot read "${name}": "sops.${
      v.getDotPath(result.issues[0]) ?? ""
    }" is missing or wrong; the file should be one that SOPS has encrypted for age`,
  );
}

/** True if the value at a path is encrypted by the rules of its file. */
export function shouldBeEncrypted(
  rules: Pick<
    SopsMetadata,
    | "unencrypted_suffix"
    | "encrypted_suffix"
    | "unencrypted_regex"
    | "encrypted_regex"
  >,
  path: readonly string[],
): boolean {
  const has = (suffix: string) => path.some((part) => part.endsWith(suffix));
  const fits = (regex: string) =>
    path.some((part) => new RegExp(regex).test(part));
  if (rules.encrypted_suffix !== "") return has(rules.encrypted_suffix);
  if (rules.encrypted_regex !== "") return fits(rules.encrypted_regex);
  if (rules.unencrypted_regex !== "") return !fits(rules.unencrypted_regex);
  const suffix = rules.unencrypted_suffix || "_unencrypted";
  return !has(suffix);
}
