/** Beginning of a file that age has encrypted, with ASCII armor and without. */
const ARMOR = "-----BEGIN AGE ENCRYPTED FILE-----";
const BINARY = "age-encryption.org/";

/**
 * Form of a file that age has encrypted, by its beginning; undefined for any other file. See the age file format,
 * https://age-encryption.org/v1.
 */
export function ageFormOf(text: string): "armor" | "binary" | undefined {
  if (text.trimStart().startsWith(ARMOR)) return "armor";
  return text.startsWith(BINARY) ? "binary" : undefined;
}
