import { arch, hostname, release } from "node:os";
import { operationNames } from "../operations/registry.ts";

/** What an agent tells of its host in its hello: for people, but for `operations`. */
export function hostFacts(
  options: { readonly allowTestOperations: boolean },
): Record<string, string> {
  return {
    hostname: hostname(),
    os: Deno.build.os,
    arch: arch(),
    release: release(),
    // What it can be told to do, so that a Manager can say early what it cannot.
    operations: operationNames(options).join(" "),
  };
}

/** Names this machine: a copied disk is noticed by it. */
export async function machineId(): Promise<string> {
  for (const path of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
    const id = await readLine(path);
    if (id !== undefined) return id;
  }
  // Neither macOS nor Windows has it in a file; a copy that gets a name of its own is noticed all the same.
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
