import { basename, join } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { VERSION } from "../../lib/base/version.ts";
import { build, type Built, ROOT } from "../build/build.ts";
import { replaceOnce } from "../build/bundle.ts";
import { commitOf, timeOf } from "../build/commit.ts";
import { agent, manager, observer, type Product } from "../build/product.ts";
import type { Target } from "../build/target.ts";
import { makePackages } from "../package/make.ts";
import { SUMS } from "./compare.ts";
import { hexSha256 } from "./hashes.ts";
import { manifestOf } from "./manifest.ts";
import { recipesOf } from "./recipes.ts";
import { type RuntimeBase, sbomOf } from "./sbom.ts";

/** Targets and place of a release. */
export interface ReleaseOptions {
  readonly targets: readonly Target[];
  /** Choice of the runtime base, see `findBase`. */
  readonly denort: string;
  /** Folder for the files, created if needed. */
  readonly out: string;
  /** Folder of the sources; this repository by default. */
  readonly root?: string;
  /** Public keys of minisign that sign releases, which are written into the executables. */
  readonly updateKeys?: readonly string[] | undefined;
  readonly say: (line: string) => void;
}

/**
 * Makes all files of a release but its signatures.
 *
 * @throws {PiriError} UNAVAILABLE if no runtime base can be found
 */
export async function makeRelease(
  { targets, denort, out, root = ROOT, updateKeys, say }: ReleaseOptions,
): Promise<void> {
  const options = {
    denort,
    out,
    root,
    stamps: { updateKeys },
    nameOf: (product: Product, { name, suffix }: Target) =>
      `${product.name}-${name}${suffix}`,
    say,
  };
  const built = [
    ...await build([manager, agent], { ...options, targets }),
    // On Windows it could not see who may read its key.
    ...await build([observer], {
      ...options,
      targets: targets.filter(({ suffix }) => suffix === ""),
    }),
  ];
  const facts = {
    version: VERSION,
    commit: await commitOf(root),
    deno: Deno.version.deno,
  };
  const files = built.map(({ path, product, target }) => ({
    path,
    product: product.name,
    target: target.name,
  }));
  const manifest = await manifestOf(facts, files);
  const releases = releasesPage(Deno.env.get("PIRI_RELEASES") ?? "");
  const script = (name: string) =>
    Deno.readTextFile(join(root, "scripts", name));
  const texts = new Map([
    [manifestName(VERSION), manifest],
    ["install.sh", withReleases(await script("install.sh"), releases)],
    ["install.ps1", withReleases(await script("install.ps1"), releases)],
    ["Containerfile", await script("release/Containerfile")],
    // They name where the files are.
    ...releases === "" ? [] : recipesOf(manifest, { releases }),
    ...await sboms(built, root),
  ]);
  for (const [name, text] of texts) {
    await Deno.writeTextFile(join(out, name), text);
  }
  const packages = await makePackages(
    built.map(({ path, product, target }) => ({
      path,
      product: product.name,
      target,
    })),
    { version: VERSION, time: await timeOf(root), out, say },
  );
  const names = [
    ...[...files.map(({ path }) => path), ...packages].map((path) =>
      basename(path)
    ),
    ...texts.keys(),
  ];
  await Deno.writeTextFile(join(out, SUMS), await sumsOf(out, names));
}

/**
 * Checks the page of releases that PIRI_RELEASES names.
 *
 * @throws {PiriError} INVALID_ARGUMENT if it is no plain https URL
 */
export function releasesPage(url: string): string {
  if (url === "" || /^https:\/\/[\w./-]+$/.test(url)) return url;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use PIRI_RELEASES "${url}": it is no plain https URL`,
  );
}

/** Puts the page of releases into install.sh or install.ps1, as its default. */
export function withReleases(script: string, url: string): string {
  if (releasesPage(url) === "") return script;
  return script.startsWith("#!")
    ? replaceOnce(script, "${PIRI_RELEASES:-}", `\${PIRI_RELEASES:-${url}}`)
    : replaceOnce(
      script,
      "$From = $env:PIRI_RELEASES,",
      `$From = $(if ($env:PIRI_RELEASES) { $env:PIRI_RELEASES } else { '${url}' }),`,
    );
}

/** Name of the manifest of a version. */
export function manifestName(version: string): string {
  return `piri-${version}.json`;
}

async function sboms(
  built: readonly Built[],
  root: string,
): Promise<[string, string][]> {
  const time = await timeOf(root);
  const lock = await Deno.readTextFile(join(root, "deno.lock"));
  const products = Map.groupBy(built, ({ product }) => product);
  const made: [string, string][] = [];
  for (const [{ name }, executables] of products) {
    const bases: RuntimeBase[] = [];
    for (const { target, base } of executables) {
      const sha256 = hexSha256(await Deno.readFile(base.file));
      bases.push({ target: target.name, origin: base.origin, sha256 });
    }
    const text = sbomOf({
      product: name,
      version: VERSION,
      time,
      deno: Deno.version.deno,
      packages: executables[0]?.packages ?? [],
      bases,
      lock,
    });
    made.push([`sbom-${name}.cdx.json`, text]);
  }
  return made;
}

/** Text for `sha256sum --check`. */
export async function sumsOf(
  folder: string,
  names: readonly string[],
): Promise<string> {
  const lines: string[] = [];
  for (const name of names.toSorted()) {
    const bytes = await Deno.readFile(join(folder, name));
    lines.push(`${hexSha256(bytes)}  ${name}\n`);
  }
  return lines.join("");
}
