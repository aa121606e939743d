import type { HostReader } from "../host/host.ts";

/** Folders of the programs of a system, on all systems. */
export const PROGRAM_FOLDERS: readonly string[] = [
  "/usr/bin",
  "/bin",
  "/sbin",
  "/usr/sbin",
  "/opt/homebrew/bin",
  "/usr/local/bin",
  "/home/linuxbrew/.linuxbrew/bin",
];

/** True if a host has a program in one of the system's folders. */
export function hasProgram(name: string, reader: HostReader): boolean {
  return PROGRAM_FOLDERS.some((folder) =>
    reader.followed(`${folder}/${name}`) !== undefined
  );
}
