/** Name of a manager of packages that Piri knows. */
export type PackageManagerName =
  | "apt"
  | "dnf"
  | "yum"
  | "zypper"
  | "pacman"
  | "apk"
  | "brew";

/** Manager of packages, by the program that must be there. */
export interface KnownPackageManager {
  readonly name: PackageManagerName;
  readonly program: string;
  /** Systems that have it, by the ids of their os-release. */
  readonly systems: readonly string[];
}

/** Systems of Red Hat and those made from them. */
const RED_HAT = ["fedora", "rhel", "centos", "amzn"];

/** All managers of packages that Piri knows, the one to take first. */
export const PACKAGE_MANAGERS: readonly KnownPackageManager[] = [
  { name: "apt", program: "apt-get", systems: ["debian", "ubuntu"] },
  { name: "dnf", program: "dnf", systems: RED_HAT },
  { name: "yum", program: "yum", systems: RED_HAT },
  { name: "zypper", program: "zypper", systems: ["suse", "opensuse", "sles"] },
  { name: "pacman", program: "pacman", systems: ["arch"] },
  { name: "apk", program: "apk", systems: ["alpine"] },
  { name: "brew", program: "brew", systems: [] },
];
