import { arch, hostname, release } from "node:os";
import { operationNames } from "../operations/registry.ts";

/** Facts about the host for the agent's hello. All but `operations` are for people. */
export function hostFacts(
  options: { readonly allowTestOperations: boolean },
): Record<string, string> {
  return {
    hostname: hostname(),
    os: Deno.build.os,
    arch: arch(),
    release: release(),
    // Names of the agent's operations, so that a Manager can refuse others early.
    operations: operationNames(options).join(" "),
  };
}

/** Identifies this machine, so that a copied disk is noticed. */
export async function machineId(): Promise<string> {
  for (const path of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
    const id = await readLine(path);
    if (id !== undefined) return id;
  }
  // macOS and Windows have no such file; a copy that gets a hostname of its own is still noticed.
  return hostname();
}

async function readLine(path: string): Promise<string | undefined> {
  try {
    const line = (await Deno.readTextFile(path)).trim();
    return line === "" ? undefined : line;
  } catch {
    return undefined;
  }
}
