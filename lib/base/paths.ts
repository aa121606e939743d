import { PiriError } from "./errors.ts";

/** The program that a state folder belongs to. */
export type Program = "piri-manager" | "piri-agent";

/** What the place of a state folder depends on. */
export interface Host {
  readonly os: typeof Deno.build.os;
  /** The system speaks for itself here: root, or an elevated user or a service on Windows. */
  readonly privileged: boolean;
  env(name: string): string | undefined;
}

/** The machine and the user that this program runs as. */
export function thisHost(): Host {
  const { os } = Deno.build;
  return {
    os,
    privileged: os === "windows" ? isElevated() : Deno.uid() === 0,
    env: (name) => Deno.env.get(name),
  };
}

/**
 * Where a program keeps its state unless `--dir` says otherwise.
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
  // The XDG Base Directory Specification has relative paths ignored.
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

/** Only an elevated user or a service may list this folder; Windows gives no simpler sign to a program. */
function isElevated(): boolean {
  const root = Deno.env.get("SystemRoot") ?? "C:\\Windows";
  try {
    Deno.readDirSync(`${root}\\System32\\config`)[Symbol.iterator]().next();
    return true;
  } catch {
    return false;
  }
}
