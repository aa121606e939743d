import { standardPath, type Surroundings } from "./surroundings.ts";
import type { User } from "./user.ts";

/** Environment variable that marks the processes of a command; its value is the command's marker. */
export const MARKER_VARIABLE = "PIRI_COMMAND";

// Language and time zone belong to the host. All else belongs to the shell or service that started the agent.
const POSIX_KEPT = ["LANG", "LANGUAGE", "TZ"];
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

/** Parts of an environment that differ from command to command. */
export interface EnvironmentParts {
  /** User that the program runs as; undefined if the user database does not have the agent's own. */
  readonly user?: User | undefined;
  /** Settings of the agent. */
  readonly surroundings?: Pick<Surroundings, "path" | "environment">;
  /** Variables of the command itself. */
  readonly added?: Readonly<Record<string, string>> | undefined;
}

/** Full environment of a command's processes: the variables of docs/operations.md, and the marker. */
export function environmentFor(
  marker: string,
  { added, user, surroundings }: EnvironmentParts = {},
): Record<string, string> {
  const windows = Deno.build.os === "windows";
  const defaults = windows ? windowsDefaults() : posixDefaults(user);
  return {
    ...(surroundings?.path === undefined
      ? defaults
      : withPath(defaults, surroundings.path)),
    ...surroundings?.environment,
    ...added,
    [MARKER_VARIABLE]: marker,
  };
}

function posixDefaults(user: User | undefined): Record<string, string> {
  const all = Deno.env.toObject();
  const kept = Object.entries(all).filter(([name]) =>
    POSIX_KEPT.includes(name) || name.startsWith("LC_")
  );
  return {
    PATH: standardPath(user?.uid ?? Deno.uid()),
    LANG: Deno.build.os === "darwin" ? "en_US.UTF-8" : "C.UTF-8",
    ...Object.fromEntries(kept),
    ...(user === undefined ? loginOf(all) : {
      HOME: user.home,
      LOGNAME: user.name,
      SHELL: user.shell,
      USER: user.name,
    }),
  };
}

/** Variables of a user that the user database does not know, as in some containers. */
function loginOf(
  { HOME, LOGNAME, SHELL, USER }: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    HOME: HOME || "/",
    SHELL: SHELL || "/bin/sh",
    ...(USER ? { USER } : {}),
    ...(LOGNAME || USER ? { LOGNAME: LOGNAME || USER || "" } : {}),
  };
}

/** Replaces PATH, in any case of its letters: on Windows it is often written Path. */
function withPath(
  variables: Readonly<Record<string, string>>,
  path: string,
): Record<string, string> {
  const others = Object.entries(variables)
    .filter(([name]) => name.toUpperCase() !== "PATH");
  return { ...Object.fromEntries(others), PATH: path };
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
  const { HOME, SystemDrive = "C:", USERPROFILE } = Deno.env.toObject();
  const home = user?.home ?? (windows ? USERPROFILE : HOME);
  const root = windows ? `${SystemDrive}\\` : "/";
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
