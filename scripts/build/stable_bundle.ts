import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../../lib/base/errors.ts";
import { sha256 } from "../../lib/base/sha256.ts";

/** Path of a package in Deno's cache, from the root of the repository: it depends on where both are. */
const CACHED =
  /(?:\.\.\/)+[^"'`\n]*?\/npm\/[^/"'`\s]+\/((?:@[\w.-]+\/)?[\w.-]+)\/(\d[\w.+-]*)\//g;

/** Name that the bundler gave a part. The second half is a hash that those paths go into. */
const HASHED = /\b([\w-]+)-[A-Z0-9]{8}\.js\b/g;

/** Rounds in which parts are told apart by the parts that they import. */
const ROUNDS = 4;

/** Source text of a bundle in which packages are named as `npm:name@version`, wherever Deno's cache is. */
export function withoutPaths(text: string): string {
  return text.replaceAll(CACHED, "npm:$1@$2/");
}

/** Packages that such a text names, as `name@version`. */
export function packagesOf(text: string): string[] {
  const named = text.matchAll(
    /(?<=["'`]|^ *\/\/ )npm:((?:@[\w.-]+\/)?[\w.-]+@\d[\w.+-]*)\//gm,
  );
  return [...new Set([...named].map(([, name = ""]) => name))];
}

/**
 * The same bundle with names that depend on nothing but its content, so that two checkouts of a commit in different
 * folders make the same one. Keys are names of files, values their texts.
 *
 * @throws {PiriError} INTERNAL if two parts cannot be told apart
 */
export function stableBundle(
  parts: ReadonlyMap<string, string>,
): Map<string, string> {
  const texts = new Map(
    [...parts].map(([name, text]) => [name, withoutPaths(text)]),
  );
  const hashed = [...texts.keys()].filter((name) =>
    name.replace(HASHED, "") === ""
  );
  let names = new Map(
    hashed.map((name) => [name, name.replace(HASHED, "$1.js")]),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const before = names;
    names = new Map(hashed.map((name) => {
      const text = renamed(texts.get(name) ?? "", before);
      const hash = encodeHex(sha256(text)).slice(0, 8).toUpperCase();
      return [name, name.replace(HASHED, `$1-${hash}.js`)];
    }));
  }
  if (new Set(names.values()).size !== names.size) {
    throw new PiriError(
      "INTERNAL",
      "Cannot name the parts of the bundle: two of them are the same",
    );
  }
  return new Map(
    [...texts].map(([name, text]) => [
      names.get(name) ?? name,
      renamed(text, names),
    ]),
  );
}

function renamed(text: string, names: ReadonlyMap<string, string>): string {
  return text.replaceAll(HASHED, (name) => names.get(name) ?? name);
}
