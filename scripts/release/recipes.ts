import { PiriError } from "../../lib/base/errors.ts";

/** Product that package managers of other systems install. */
interface Recipe {
  /** Name of the product, as in the manifest. */
  readonly product: string;
  /** Name of its class for Homebrew. */
  readonly formula: string;
  /** Identifier for winget. */
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  /** Subcommand of its service. */
  readonly serves: string;
}

const RECIPES: readonly Recipe[] = [
  {
    product: "piri-agent",
    formula: "PiriAgent",
    id: "Piri.Agent",
    title: "Piri Agent",
    summary: "Runs the commands of a Piri Manager on this host",
    serves: "run",
  },
  {
    product: "piri-manager",
    formula: "PiriManager",
    id: "Piri.Manager",
    title: "Piri Manager",
    summary: "Runs commands on many hosts by the agents of Piri",
    serves: "serve",
  },
];

/** Parts of a manifest that recipes need. */
interface Manifest {
  readonly version: string;
  readonly files: readonly {
    readonly name: string;
    readonly product: string;
    readonly target: string;
    readonly sha256: string;
  }[];
}

/** Version of the form of winget's manifests. */
const WINGET_FORM = "1.6.0";

/** Formula of Homebrew and manifests of winget by their names, made of the manifest of a release. */
export function recipesOf(
  manifestText: string,
  { releases, license = "MIT" }: {
    /** Page of the releases, an https URL. */
    readonly releases: string;
    readonly license?: string;
  },
): Map<string, string> {
  const manifest: Manifest = JSON.parse(manifestText);
  const from = `${releases}/download/v${manifest.version}`;
  const made = new Map<string, string>();
  for (const recipe of RECIPES) {
    const has = (target: string) =>
      manifest.files.some((file) =>
        file.product === recipe.product && file.target === target
      );
    const parts = { recipe, manifest, from, releases, license };
    if (BREW_TARGETS.every(({ target }) => has(target))) {
      made.set(`${recipe.product}.rb`, formulaOf(parts));
    }
    if (!has(WINDOWS)) continue;
    const { version, installer, locale } = wingetOf(parts);
    made.set(`${recipe.id}.yaml`, version);
    made.set(`${recipe.id}.installer.yaml`, installer);
    made.set(`${recipe.id}.locale.en-US.yaml`, locale);
  }
  return made;
}

interface Parts {
  readonly recipe: Recipe;
  readonly manifest: Manifest;
  readonly from: string;
  readonly releases: string;
  readonly license: string;
}

const WINDOWS = "windows-x64";

/** Targets of a formula, by system and processor as Homebrew calls them. */
const BREW_TARGETS = [
  { target: "macos-arm64", system: "macos", cpu: "arm" },
  { target: "macos-x64", system: "macos", cpu: "intel" },
  { target: "linux-arm64", system: "linux", cpu: "arm" },
  { target: "linux-x64", system: "linux", cpu: "intel" },
] as const;

function formulaOf(
  { recipe, manifest, from, releases, license }: Parts,
): string {
  const { product, formula, summary, serves } = recipe;
  const systems = ["macos", "linux"].map((system) => {
    const blocks = BREW_TARGETS.filter((each) => each.system === system)
      .map(({ target, cpu }) => {
        const { name, sha256 } = fileOf(manifest, product, target);
        return `    on_${cpu} do
      url "${from}/${name}"
      sha256 "${sha256}"
    end
`;
      });
    return `  on_${system} do\n${blocks.join("")}  end\n`;
  });
  return `class ${formula} < Formula
  desc "${summary}"
  homepage "${releases}"
  version "${manifest.version}"
  license "${license}"

${systems.join("\n")}
  def install
    # The system demands that no byte of it changes.
    bin.install Dir["${product}-*"].first => "${product}"
  end

  service do
    run [opt_bin/"${product}", "${serves}", "--dir", var/"lib/${product}"]
    keep_alive true
    log_path var/"log/${product}.log"
    error_log_path var/"log/${product}.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/${product} --version")
  end
end
`;
}

function wingetOf({ recipe, manifest, from, releases, license }: Parts): {
  version: string;
  installer: string;
  locale: string;
} {
  const { product, id, title, summary } = recipe;
  const { name, sha256 } = fileOf(manifest, product, WINDOWS);
  const head = (kind: string) =>
    `# yaml-language-server: $schema=https://aka.ms/winget-manifest.${kind}.${WINGET_FORM}.schema.json
PackageIdentifier: ${id}
PackageVersion: ${manifest.version}
`;
  const foot = (kind: string) =>
    `ManifestType: ${kind}\nManifestVersion: ${WINGET_FORM}\n`;
  return {
    version: `${head("version")}DefaultLocale: en-US\n${foot("version")}`,
    installer: `${head("installer")}InstallerType: portable
Commands:
  - ${product}
Installers:
  - Architecture: x64
    InstallerUrl: ${from}/${name}
    InstallerSha256: ${sha256.toUpperCase()}
${foot("installer")}`,
    locale: `${head("defaultLocale")}PackageLocale: en-US
Publisher: Piri
PackageName: ${title}
PackageUrl: ${releases}
License: ${license}
ShortDescription: ${summary}
${foot("defaultLocale")}`,
  };
}

function fileOf(
  { files }: Manifest,
  product: string,
  target: string,
): Manifest["files"][number] {
  const file = files.find((each) =>
    each.product === product && each.target === target
  );
  if (file !== undefined) return file;
  throw new PiriError(
    "NOT_FOUND",
    `Cannot make a recipe: the manifest has no ${product} for ${target}`,
  );
}
