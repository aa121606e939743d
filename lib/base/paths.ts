import { PiriError } from "./errors.ts";

/** Program that a state folder belongs to. */
export type Program = "piri-manager" | "piri-agent";

/** Folder of the control socket of a Manager that is a service of systemd: the group of the socket may enter it. */
export const SHARED_CONTROL_FOLDER = "/run/piri-manager";

/** Facts that the place of a state folder depends on. */
export interface Host {
  readonly os: typeof Deno.build.os;
  /** True for a user who acts for the system: root, or on Windows an elevated user or a service. */
  readonly privileged: boolean;
  env(name: string): string | undefined;
}

/** Facts of this machine and of the user that runs this program. */
export function thisHost(): Host {
  const { os } = Deno.build;
  return {
    os,
    privileged: os === "windows" ? isElevated() : Deno.uid() === 0,
    env: (name) => Deno.env.get(name),
  };
}

/**
 * State folder of a program without `--dir`.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the user has no home.
 */
export function defaultStateFolder(program: Program, host: Host): string {
  return host.os === "windows"
    ? onWindows(program, host)
    : onUnix(program, host);
}

function onUnix(program: Program, { privileged, env }: Host): string {
  if (privileged) return `/var/lib/${program}`;
  // The XDG Base Directory Specification says that relative paths are ignored.
  const state = env("XDG_STATE_HOME");
  if (state?.startsWith("/")) return `${state}/${program}`;
  const home = env("HOME");
  if (home?.startsWith("/")) return `${home}/.local/state/${program}`;
  throw homeless("neither XDG_STATE_HOME nor HOME is set");
}

function onWindows(program: Program, { privileged, env }: Host): string {
  const variable = privileged ? "ProgramData" : "LOCALAPPDATA";
  const base = env(variable);
  if (base) return `${base}\\${program}`;
  throw homeless(`${variable} is not set`);
}

function homeless(reason: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot choose a state folder: ${reason}; use --dir`,
  );
}

/**
 * True if this folder can be listed: only an elevated user or a service may. Windows gives programs no simpler sign.
 */
function isElevated(): boolean {
  const root = Deno.env.get("SystemRoot") ?? "C:\\Windows";
  try {
    Deno.readDirSync(`${root}\\System32\\config`)[Symbol.iterator]().next();
    return true;
  } catch {
    return false;
  }
}
