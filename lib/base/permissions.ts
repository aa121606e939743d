import { dirname } from "@std/path";
import { PiriError } from "./errors.ts";

/**
 * Permissions that a Manager which serves never needs: those to start programs and to load libraries. On Windows it
 * loads a library of the system whenever it reads a key, to see who else may read it.
 */
const UNNEEDED: readonly Deno.PermissionDescriptor[] =
  Deno.build.os === "windows"
    ? [{ name: "run" }]
    : [{ name: "run" }, { name: "ffi" }];

/** Sentence for `--version` of a program that serves without permissions that it has at its start. */
export function givenUpText(subcommands: string): string {
  return `${subcommands} give up the permissions ${
    UNNEEDED.map(({ name }) => name).join(" and ")
  } before they listen`;
}

/** Sentence for `--version` about the permissions of this process. */
export function ownPermissionsText(): string {
  const missing = (["run", "ffi"] as const)
    .filter((name) => Deno.permissions.querySync({ name }).state !== "granted");
  return missing.length === 0
    ? "it keeps all permissions, to run programs for its Manager"
    : `it was built without the permissions ${missing.join(" and ")}`;
}

/** True if this program may start others. */
export function mayRunPrograms(): boolean {
  return Deno.permissions.querySync({ name: "run" }).state === "granted";
}

/**
 * Refuses to go on in a program that may write in another folder than this one, or not in it.
 *
 * @param name Name of the program.
 * @throws {PiriError} FAILED_PRECONDITION, with the line to start it by
 */
export function requireWriteIn(folder: string, name: string): void {
  if (mayWrite(folder) && !mayWrite(dirname(folder))) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot start: ${name} writes only in the folder that it is started in, which should be its state folder; start it by cd ${folder} && ${name} run --dir ${folder}`,
  );
}

function mayWrite(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state ===
    "granted";
}

/**
 * Gives up the permissions to start programs and to load libraries, for this process and all its threads, also those
 * that run already. They never come back. To be called before a byte from outside is read.
 */
export function giveUpPermissions(): void {
  for (const permission of UNNEEDED) Deno.permissions.revokeSync(permission);
}
