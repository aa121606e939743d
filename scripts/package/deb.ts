import { join } from "@std/path";
import { run } from "../build/run.ts";
import { TempFolder } from "../local/temp_folder.ts";
import {
  machineOf,
  type PackageFacts,
  packageVersion,
  summaryOf,
} from "./facts.ts";
import { debScripts } from "./maintainer_scripts.ts";
import { type PackageFile, writeTree } from "./tree.ts";

/** Name of a Debian package's file. */
export function debName(facts: PackageFacts): string {
  const { deb } = machineOf(facts);
  return `${facts.name}_${packageVersion(facts)}_${deb}.deb`;
}

/** Facts about a Debian package, as its control file has them. */
export function debControl(facts: PackageFacts, bytes: number): string {
  const { summary, text } = summaryOf(facts);
  const depends = [
    "libc6 (>= 2.27)",
    "libgcc-s1 | libgcc1",
    ...facts.name === "piri-manager" ? ["passwd"] : [],
  ];
  return `Package: ${facts.name}
Version: ${packageVersion(facts)}
Architecture: ${machineOf(facts).deb}
Maintainer: The Piri authors <piri@localhost>
Installed-Size: ${Math.ceil(bytes / 1024)}
Depends: ${depends.join(", ")}
Section: admin
Priority: optional
Description: ${summary}
${folded(text)}
`;
}

/**
 * Makes a Debian package by dpkg-deb, and returns its path.
 *
 * @throws {PiriError} NOT_FOUND without dpkg-deb, INTERNAL with what it says
 */
export async function makeDeb(
  facts: PackageFacts,
  { files, out, isSmall = true }: {
    files: readonly PackageFile[];
    out: string;
    /** False to save the time of compressing it. */
    isSmall?: boolean;
  },
): Promise<string> {
  await using folder = await TempFolder.make("piri-deb-");
  const path = join(out, debName(facts));
  const { installed, removing, removed } = debScripts(facts.name);
  const tree = folder.at("tree");
  await Deno.mkdir(tree);
  await writeTree(tree, files, facts.time);
  const control = debControl(facts, await sizeOf(tree, files));
  const own = (name: string, text: string, mode: number): PackageFile => ({
    path: `/DEBIAN/${name}`,
    mode,
    content: { bytes: new TextEncoder().encode(text) },
  });
  await writeTree(tree, [
    own("control", control, 0o644),
    own("postinst", installed, 0o755),
    own("prerm", removing, 0o755),
    own("postrm", removed, 0o755),
  ], facts.time);
  await run([
    "dpkg-deb",
    "--root-owner-group",
    // Known to all versions of dpkg since 2010; a higher level takes minutes for little.
    ...isSmall ? ["-Zxz", "-z1"] : ["-Znone"],
    "--build",
    tree,
    path,
  ], {
    env: {
      SOURCE_DATE_EPOCH: String(facts.time.getTime() / 1_000),
      // The result would otherwise depend on the count of processors.
      DPKG_DEB_THREADS_MAX: "1",
    },
  });
  return path;
}

async function sizeOf(
  tree: string,
  files: readonly PackageFile[],
): Promise<number> {
  let bytes = 0;
  for (const { path } of files) {
    bytes += (await Deno.stat(join(tree, path))).size;
  }
  return bytes;
}

/** Text in lines of at most 76 characters that begin with a space. */
export function folded(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length > 75) {
      lines.push(` ${word}`);
    } else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join("\n");
}
