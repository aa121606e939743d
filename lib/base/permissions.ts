/**
 * Permissions that a Manager which serves never needs: those to start programs and to load libraries. On Windows it
 * loads a library of the system whenever it reads a key, to see who else may read it.
 */
const UNNEEDED: readonly Deno.PermissionDescriptor[] =
  Deno.build.os === "windows"
    ? [{ name: "run" }]
    : [{ name: "run" }, { name: "ffi" }];

/**
 * Gives up the permissions to start programs and to load libraries, for this process and all its threads, also those
 * that run already. They never come back. To be called before a byte from outside is read.
 */
export function giveUpPermissions(): void {
  for (const permission of UNNEEDED) Deno.permissions.revokeSync(permission);
}
