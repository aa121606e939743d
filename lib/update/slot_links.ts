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

/** Installation of a running program, by the path of its executable without links. */
export function installedAt(executable: string): Installed {
  const [, root = "", slot = ""] =
    /^(.*)\/versions\/([^/]+)\/bin\/piri-(?:agent(?:-observe)?|manager)$/
      .exec(executable) ?? [];
  if (root !== "" && VERSION_PATTERN.test(slot)) {
    return { kind: "slots", root, slot };
  }
  return { kind: /^\/usr\/s?bin\//.test(executable) ? "package" : "loose" };
}

/** Root of the installation of a guard; undefined if the executable is none. */
export function rootOfGuard(executable: string): string | undefined {
  return /^(.+)\/bin\/piri-guard$/.exec(executable)?.[1];
}

/** Path of the guard: the executable that was confirmed last. */
export function guardPath(root: string): string {
  return `${root}/bin/piri-guard`;
}

/** Path of the executable in a slot. */
export function slotExecutable(
  root: string,
  version: string,
  name: ServiceName = "piri-agent",
): string {
  return `${root}/versions/${version}/bin/${name}`;
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
