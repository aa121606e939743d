/** Change of a package: from no version if it is new, to none if it is removed. */
export interface PackageMove {
  readonly name: string;
  readonly from?: string;
  readonly to?: string;
}

/** Package of a host. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture?: string;
  /** True if it keeps its version when others are upgraded. */
  readonly held: boolean;
  /** True if the host cannot do without it. */
  readonly essential?: boolean;
  /** "left" if it is removed but for its settings, "half" if its installation was interrupted. */
  readonly state: "installed" | "left" | "half";
  /** Names that it stands for. */
  readonly provides?: readonly string[];
}

/** All packages of a host. */
export class PackageTable {
  readonly #byName = new Map<string, InstalledPackage>();
  readonly #providers = new Map<string, string>();
  /** Names of packages whose installation was interrupted. */
  readonly interrupted: readonly string[];

  /** @param architecture Architecture of the host, whose packages go by their bare names */
  constructor(packages: readonly InstalledPackage[], architecture?: string) {
    for (const each of packages) {
      const { name, architecture: own = "" } = each;
      if (own !== "") this.#byName.set(`${name}:${own}`, each);
      const isNative = [architecture, "all", "noarch", ""].includes(own);
      if (isNative || !this.#byName.has(name)) this.#byName.set(name, each);
      if (each.state !== "installed") continue;
      for (const word of each.provides ?? []) this.#providers.set(word, name);
    }
    this.interrupted = packages.filter(({ state }) => state === "half")
      .map(({ name }) => name);
  }

  /** Package that has a name, in whatever state it is. */
  of(name: string): InstalledPackage | undefined {
    return this.#byName.get(name);
  }

  /** Installed package that stands for a name which is none of its own. */
  providerOf(name: string): string | undefined {
    return this.#providers.get(name);
  }

  /** Changes from this table to a later one, by name. */
  movesTo(later: PackageTable): readonly PackageMove[] {
    const names = new Set([...this.#byName.keys(), ...later.#byName.keys()]);
    return [...names].filter((name) => !name.includes(":")).toSorted()
      .flatMap((name) => {
        const from = versionOf(this.of(name));
        const to = versionOf(later.of(name));
        if (from === to) return [];
        return [{
          name,
          ...from === undefined ? {} : { from },
          ...to === undefined ? {} : { to },
        }];
      });
  }
}

/** Version of a package that is installed. */
export function versionOf(
  found: InstalledPackage | undefined,
): string | undefined {
  return found?.state === "installed" ? found.version : undefined;
}
