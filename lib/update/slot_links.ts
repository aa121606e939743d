import type { HostFiles } from "../service/host_files.ts";
import type { ServiceName } from "../service/service_host.ts";
import { VERSION_PATTERN } from "../base/version_pattern.ts";

/** Installation that an executable is a part of. */
export type Installed =
  | {
    readonly kind: "slots";
    /** Folder of the installation. */
    readonly root: string;
    /** Name of the executable's slot, which is its version. */
    readonly slot: string;
  }
  | { readonly kind: "package" }
  | { readonly kind: "loose" };

const IN_SLOT =
  /^(.*)\/versions\/([^/]+)\/bin\/piri-(?:agent(?:-observe)?|manager)$/;

const IN_WINDOWS_SLOT =
  /^(.*)\\versions\\([^\\]+)\\piri-(?:agent(?:-observe)?|manager)\.exe$/i;

/** Installation of a running program, by the path of its executable without links. */
export function installedAt(executable: string): Installed {
  const [, root = "", slot = ""] = IN_SLOT.exec(executable) ??
    IN_WINDOWS_SLOT.exec(executable) ?? [];
  if (root !== "" && VERSION_PATTERN.test(slot)) {
    return { kind: "slots", root, slot };
  }
  return { kind: /^\/usr\/s?bin\//.test(executable) ? "package" : "loose" };
}

/** Root of the installation of a guard; undefined if the executable is none. */
export function rootOfGuard(executable: string): string | undefined {
  return /^(.+)[\\/]bin[\\/]piri-guard(?:\.exe)?$/i.exec(executable)?.[1];
}

/** Path of the guard: the executable that was confirmed last. */
export function guardPath(root: string): string {
  return isOnWindows(root)
    ? `${root}\\bin\\piri-guard.exe`
    : `${root}/bin/piri-guard`;
}

/** Path of the executable in a slot. */
export function slotExecutable(
  root: string,
  version: string,
  name: ServiceName = "piri-agent",
): string {
  return isOnWindows(root)
    ? `${root}\\versions\\${version}\\${name}.exe`
    : `${root}/versions/${version}/bin/${name}`;
}

/** Version that the service manager would start; undefined if it cannot be told. */
export async function currentSlot(
  files: Pick<HostFiles, "readLink">,
  root: string,
): Promise<string | undefined> {
  const target = await files.readLink(`${root}/current`);
  return /^versions\/([^/]+)$/.exec(target ?? "")?.[1];
}

/** Lets the service manager start another version from now on. Returns false if it does so already. */
export async function useSlot(
  files: Pick<HostFiles, "link">,
  root: string,
  version: string,
): Promise<boolean> {
  return await files.link(`${root}/current`, `versions/${version}`);
}

function isOnWindows(root: string): boolean {
  return /^[a-z]:\\/i.test(root);
}
