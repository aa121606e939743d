import type { HostReader } from "../../host/host.ts";
import { ask } from "./ask_manager.ts";
import type { RepositoryFiles, WantedPackage } from "./package_manager.ts";
import { type InstalledPackage, PackageTable } from "./package_table.ts";

const FORMAT =
  "%{NAME}\\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\n";

export const RPM_NAMES = /^[A-Za-z0-9][A-Za-z0-9_.+-]*$/;

/** Reads all packages of the rpm database, but for its keys. */
export function installedByRpm(
  reader: HostReader,
  held: (name: string) => boolean = () => false,
): Promise<PackageTable> {
  const paths = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/etc/zypp/locks"];
  return reader.shared({ name: "packages of rpm", paths }, async () => {
    const { stdout } = await ask(
      ["rpm", "-qa", "--queryformat", FORMAT],
      reader,
    );
    return new PackageTable(
      readRpm(stdout).map((each) => ({ ...each, held: held(each.name) })),
    );
  });
}

/** Packages as rpm prints them by FORMAT. Of several versions of one, the last counts. */
export function readRpm(text: string): InstalledPackage[] {
  return text.split("\n").flatMap((line) => {
    const [name, version, architecture] = line.split("\t");
    if (name === undefined || version === undefined || name === "gpg-pubkey") {
      return [];
    }
    return [{
      name,
      version: version.replace(/^0:/, ""),
      ...architecture === undefined ? {} : { architecture },
      held: false,
      state: "installed",
    }];
  });
}

/** Version without its release, without its epoch, and without both. */
export function rpmForms(version: string): string[] {
  const bare = version.replace(/^\d+:/, "");
  const released = version.replace(/-[^-]*$/, "");
  return [bare, released, bare.replace(/-[^-]*$/, "")];
}

/** Name and version as dnf takes them. */
export function nevra({ name, version }: WantedPackage): string {
  return version === undefined ? name : `${name}-${version}`;
}

/** Repositories of dnf and zypper, in files with sections. */
export function rpmRepositories(
  folder: string,
  refresh: (name: string) => ReturnType<RepositoryFiles["refresh"]>,
): RepositoryFiles {
  return {
    readsInPlace: true,
    pathOf: (name) => `${folder}/${name}.repo`,
    keyPathOf: (name, isArmored) =>
      `/etc/pki/rpm-gpg/${name}.${isArmored ? "asc" : "gpg"}`,
    textOf: ({ name, url, enabled, keyPath }) =>
      [
        `[${name}]`,
        `name=${name}`,
        `baseurl=${url}`,
        `enabled=${enabled ? 1 : 0}`,
        `gpgcheck=${keyPath === undefined ? 0 : 1}`,
        ...keyPath === undefined ? [] : [`gpgkey=file://${keyPath}`],
      ].map((line) => `${line}\n`).join(""),
    refresh: (_, name) => refresh(name),
  };
}
