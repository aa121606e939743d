import { hostname } from "node:os";

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
