import type { ServiceName } from "../../lib/service/service_host.ts";
import { run } from "../build/run.ts";
import type { Target } from "../build/target.ts";
import { makeDeb } from "./deb.ts";
import { hasPackages, type PackageFacts } from "./facts.ts";
import { makeRpm } from "./rpm.ts";
import { type PackageFile, packageFiles } from "./tree.ts";

/** Executable that packages are made of. */
export interface Payload {
  readonly path: string;
  readonly product: string;
  readonly target: Target;
}

/** Kinds of packages, the program that makes each, and how to make one. */
const KINDS: readonly {
  readonly suffix: ".deb" | ".rpm";
  readonly tool: string;
  readonly make: (
    facts: PackageFacts,
    options: { files: readonly PackageFile[]; out: string; isSmall: boolean },
  ) => Promise<string>;
}[] = [
  { suffix: ".deb", tool: "dpkg-deb", make: makeDeb },
  { suffix: ".rpm", tool: "rpmbuild", make: makeRpm },
];

/** Makes the packages of executables for Linux, and returns their paths. Says which kind cannot be made here. */
export async function makePackages(
  payloads: readonly Payload[],
  { version, time, out, say, kinds, isSmall = true }: {
    readonly version: string;
    readonly time: Date;
    readonly out: string;
    readonly say: (line: string) => void;
    /** Suffixes of the kinds to make; all if absent. */
    readonly kinds?: readonly string[];
    /** False to save the time of compressing Debian packages. */
    readonly isSmall?: boolean;
  },
): Promise<string[]> {
  const made: string[] = [];
  for (const { suffix, tool, make } of KINDS) {
    if (kinds?.includes(suffix) === false) continue;
    if (!await hasTool(tool)) {
      say(`No ${suffix} is made: this machine has no ${tool}`);
      continue;
    }
    for (const { path, product, target } of payloads) {
      const name = serviceNamed(product);
      if (name === undefined || !hasPackages(target)) continue;
      const files = await packageFiles(name, path);
      const facts = { name, version, target, time };
      const file = await make(facts, { files, out, isSmall });
      const { size } = await Deno.stat(file);
      say(`${file}: ${(size / 1e6).toFixed(1)} MB`);
      made.push(file);
    }
  }
  return made;
}

/** Suffixes of the packages that cannot be made on this machine. */
export async function missingPackages(): Promise<string[]> {
  const missing: string[] = [];
  for (const { suffix, tool } of KINDS) {
    if (!await hasTool(tool)) missing.push(suffix);
  }
  return missing;
}

/** True if a program is on the PATH. */
export async function hasTool(tool: string): Promise<boolean> {
  try {
    await run([tool, "--version"]);
    return true;
  } catch {
    return false;
  }
}

function serviceNamed(product: string): ServiceName | undefined {
  return product === "piri-agent" || product === "piri-manager"
    ? product
    : undefined;
}
