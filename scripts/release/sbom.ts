import { PiriError } from "../../lib/base/errors.ts";

/** Runtime that executables of one target are made of. */
export interface RuntimeBase {
  readonly target: string;
  readonly origin: string;
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
}

/** Product whose parts are listed. */
export interface SbomOptions {
  readonly product: string;
  readonly version: string;
  readonly time: Date;
  readonly deno: string;
  /** Packages in its bundle, as `name@version`. */
  readonly packages: readonly string[];
  readonly bases: readonly RuntimeBase[];
  /** Text of deno.lock, which has the hashes of the packages. */
  readonly lock: string;
}

/**
 * Bill of materials of a product: CycloneDX 1.6 in JSON. It has no serial number, so that two builds make the same one.
 *
 * @throws {PiriError} CORRUPT if the lock file lacks a package
 */
export function sbomOf(options: SbomOptions): string {
  const { product, version, time, deno, packages, bases } = options;
  const locked = integrities(options.lock);
  const components = [
    ...packages.toSorted().map((name) => packageComponent(name, locked)),
    ...bases.map(({ target, origin, sha256 }) => ({
      type: "platform",
      "bom-ref": `denort-${target}@${deno}`,
      name: `denort-${target}`,
      version: deno,
      description: `Runtime base, from ${origin}`,
      hashes: [{ alg: "SHA-256", content: sha256 }],
      licenses: [{ license: { id: "MIT" } }],
    })),
  ];
  const ref = `${product}@${version}`;
  const sbom = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: time.toISOString(),
      component: {
        type: "application",
        "bom-ref": ref,
        name: product,
        version,
        licenses: [{ license: { id: "MIT" } }],
      },
    },
    components,
    dependencies: [{
      ref,
      dependsOn: components.map((component) => component["bom-ref"]),
    }],
  };
  return `${JSON.stringify(sbom, undefined, 2)}\n`;
}

function packageComponent(
  packageName: string,
  locked: ReadonlyMap<string, string>,
) {
  const at = packageName.lastIndexOf("@");
  const [name, version] = [
    packageName.slice(0, at),
    packageName.slice(at + 1),
  ];
  const integrity = locked.get(packageName);
  if (integrity?.startsWith("sha512-") !== true) {
    throw new PiriError(
      "CORRUPT",
      `Cannot list the parts of a release: deno.lock has no SHA-512 of "${packageName}"`,
    );
  }
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    purl,
    hashes: [{
      alg: "SHA-512",
      content: Uint8Array.fromBase64(integrity.slice("sha512-".length)).toHex(),
    }],
  };
}

/** Integrity of each package, by `name@version`. Its key in the file may go on with that of its peers. */
function integrities(lock: string): Map<string, string> {
  const { npm = {} }: { npm?: Record<string, { integrity?: string }> } = JSON
    .parse(lock);
  return new Map(
    Object.entries(npm).map(([key, { integrity = "" }]) => [
      key.replace(/(?<=.@[^_]*)_.*/, ""),
      integrity,
    ]),
  );
}
