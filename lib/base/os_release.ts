/** Distribution of Linux, as it names itself. */
export interface OsRelease {
  /** Name in lower case, as debian; empty if the file has none. */
  readonly id: string;
  /** Names of distributions that it is like, the closest first. */
  readonly like: readonly string[];
  /** Empty for none, as of a rolling distribution. */
  readonly version: string;
  /** Name of the version, as bookworm; empty if it has none. */
  readonly codename: string;
}

/** Paths of the file, of which the first one that is there counts. */
export const OS_RELEASE_PATHS = [
  "/etc/os-release",
  "/usr/lib/os-release",
] as const;

/** Families of distributions by those that others say they are like. */
const FAMILIES: ReadonlyMap<string, string> = new Map([
  ["debian", "debian"],
  ["ubuntu", "debian"],
  ["rhel", "redhat"],
  ["fedora", "redhat"],
  ["centos", "redhat"],
  ["amzn", "redhat"],
  ["suse", "suse"],
  ["opensuse", "suse"],
  ["sles", "suse"],
  ["arch", "arch"],
  ["alpine", "alpine"],
  ["gentoo", "gentoo"],
]);

/** Reads the text of os-release. Source: os-release(5). */
export function readOsRelease(text: string): OsRelease {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, key = "", value = ""] = /^\s*([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ??
      [];
    values.set(key, plain(value.trim()));
  }
  const valueOf = (key: string) => values.get(key) ?? "";
  return {
    id: valueOf("ID"),
    like: valueOf("ID_LIKE").split(/\s+/).filter((word) => word !== ""),
    version: valueOf("VERSION_ID"),
    codename: valueOf("VERSION_CODENAME"),
  };
}

/** Family of a distribution; its own name if it is like none that is known. */
export function familyOf({ id, like }: OsRelease): string {
  // Those of SUSE have names of their own, as opensuse-leap.
  const names = [id, id.replace(/-.*$/, ""), ...like];
  const known = names.find((name) => FAMILIES.has(name));
  return FAMILIES.get(known ?? "") ?? (id || "linux");
}

/** Value without the quotes of a shell. */
function plain(value: string): string {
  const [, quote, inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
  if (inner === undefined) return value;
  return quote === '"' ? inner.replace(/\\(["$`\\])/g, "$1") : inner;
}
