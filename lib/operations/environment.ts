import type { User } from "./user.ts";

/** Environment variable that marks the processes of a command; its value is the command's marker. */
export const MARKER_VARIABLE = "PIRI_COMMAND";

const POSIX_PATH =
  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// All other variables of the agent, such as those of its own TLS, are not passed on.
const POSIX_KEPT = ["HOME", "LANG", "LOGNAME", "SHELL", "TMPDIR", "TZ", "USER"];
const WINDOWS_KEPT = [
  "ALLUSERSPROFILE",
  "APPDATA",
  "COMPUTERNAME",
  "ComSpec",
  "CommonProgramFiles",
  "CommonProgramFiles(x86)",
  "HOMEDRIVE",
  "HOMEPATH",
  "LOCALAPPDATA",
  "NUMBER_OF_PROCESSORS",
  "OS",
  "PATHEXT",
  "PROCESSOR_ARCHITECTURE",
  "PSModulePath",
  "ProgramData",
  "ProgramFiles",
  "ProgramFiles(x86)",
  "SystemDrive",
  "SystemRoot",
  "TEMP",
  "TMP",
  "USERDOMAIN",
  "USERNAME",
  "USERPROFILE",
  "windir",
];

/** Full environment of a command's processes: the variables of docs/operations.md, and the marker. */
export function environmentFor(
  marker: string,
  { added, user }: {
    readonly added?: Readonly<Record<string, string>> | undefined;
    readonly user?: User | undefined;
  } = {},
): Record<string, string> {
  return {
    ...(Deno.build.os === "windows" ? windowsDefaults() : posixDefaults()),
    ...(user === undefined ? {} : {
      HOME: user.home,
      LOGNAME: user.name,
      SHELL: user.shell,
      USER: user.name,
    }),
    ...added,
    [MARKER_VARIABLE]: marker,
  };
}

function posixDefaults(): Record<string, string> {
  const all = Deno.env.toObject();
  const kept = Object.entries(all).filter(([name]) =>
    POSIX_KEPT.includes(name) || name.startsWith("LC_")
  );
  return { PATH: all.PATH || POSIX_PATH, ...Object.fromEntries(kept) };
}

function windowsDefaults(): Record<string, string> {
  // Windows ignores the case of names.
  const kept = new Set(["PATH", ...WINDOWS_KEPT.map((n) => n.toUpperCase())]);
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) =>
      kept.has(name.toUpperCase())
    ),
  );
}

/** Folder that a program starts in by default: the home of its user, else the root folder. */
export function defaultFolder(user?: User): string {
  const windows = Deno.build.os === "windows";
  const home = user?.home ?? Deno.env.get(windows ? "USERPROFILE" : "HOME");
  const root = windows ? `${Deno.env.get("SystemDrive") ?? "C:"}\\` : "/";
  return home !== undefined && isFolder(home) ? home : root;
}

/** True if there is a folder of this name, as far as the agent may see. */
export function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
