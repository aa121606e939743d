import { dirname, resolve } from "@std/path";
import { flawOf } from "./program_file.ts";
import type { Program } from "./program.ts";

/** Greatest number of interpreters that one script can need, one behind the other, as the kernel allows. */
const MAX_INTERPRETERS = 4;

/** User for whom permissions are judged, and the folder in which it starts. */
interface Accessor {
  readonly name: string;
  readonly uid: number | null;
  readonly groups: readonly number[];
  readonly cwd: string;
}

type Start = Pick<Program, "argv" | "argvBytes" | "cwd" | "env" | "user">;

/**
 * Reason why a program cannot be started, with the next step; undefined if none is seen. Permissions are judged by the
 * modes of files and folders, not by access lists or mount options.
 */
export function obstacleTo(program: Start): string | undefined {
  const { cwd, env, user } = program;
  const accessor = user === undefined
    ? agentItself(cwd)
    : { ...user, name: `the user "${user.name}"`, cwd };
  const folder = obstacleToFolder(cwd, accessor);
  if (folder !== undefined) return folder;
  const paths = pathsOf(program);
  if (paths === undefined) return undefined;
  if (paths.length === 0) {
    return `there is no such program in the folders of PATH, ${
      env.PATH ?? "which is empty"
    }; give its full path, or install it`;
  }
  const obstacles = paths.map((path) => obstacleToFile(path, accessor));
  return obstacles.includes(undefined) ? undefined : obstacles[0];
}

/**
 * Reason why the file that was started is no program of this system; undefined if it is one. The C library gives such a
 * file to the shell, which fails with an exit code. Another program may be registered for it, so it may run after all.
 */
export function formatFlaw(program: Start): string | undefined {
  return pathsOf(program)?.map((path) => flawOf(path).message)
    .find((message) => message !== undefined);
}

/** Files that the program's name stands for; undefined if they cannot be looked up. */
function pathsOf({ argv: [name], argvBytes, cwd, env }: Start) {
  // In such a name, bytes that are not UTF-8 are replaced.
  if (argvBytes !== undefined && name.includes("\ufffd")) return undefined;
  if (Deno.build.os === "windows") return undefined;
  if (name.includes("/")) return [resolve(cwd, name)];
  return (env.PATH ?? "").split(":")
    .map((folder) => resolve(cwd, folder, name))
    .filter((path) => infoOf(path) !== "missing");
}

function obstacleToFolder(
  path: string,
  accessor: Accessor,
): string | undefined {
  const info = infoOf(path);
  const closed = closedFolder(path, accessor);
  if (closed !== undefined) {
    return `${accessor.name} may not enter the folder "${closed}"; choose another folder with cwd, or another user`;
  }
  if (info === "missing") {
    return `there is no folder "${path}"; choose another one with cwd`;
  }
  if (info === "hidden" || info.isDirectory) return undefined;
  return `"${path}" is not a folder; choose another one with cwd`;
}

function obstacleToFile(
  path: string,
  accessor: Accessor,
  depth = 0,
): string | undefined {
  const closed = closedFolder(dirname(path), accessor);
  if (closed !== undefined) {
    return `${accessor.name} may not enter the folder "${closed}", in which the program is; choose another user, or open the folder`;
  }
  const info = infoOf(path);
  if (info === "hidden") return undefined;
  if (info === "missing") {
    return "there is no such program; look for its path on that host";
  }
  if (info.isDirectory) {
    return `"${path}" is a folder, not a program; to start in it, give it as cwd`;
  }
  if (!info.isFile) return `"${path}" is not a file; name a program`;
  if (!mayExecute(info, accessor)) {
    return `${accessor.name} may not execute the file "${path}", its mode is ${
      modeOf(info)
    }; "chmod +x" makes it a program, or name the program that reads it`;
  }
  return obstacleOfContent(path, accessor, depth);
}

/** Obstacle in what the file needs to run: the interpreter of a script, the loader of a program. */
function obstacleOfContent(
  path: string,
  accessor: Accessor,
  depth: number,
): string | undefined {
  const { needs, as } = flawOf(path);
  if (needs === undefined) return undefined;
  const needed = resolve(accessor.cwd, needs);
  if (infoOf(needed) === "missing") {
    const shown = JSON.stringify(needs);
    return as === "loader"
      ? `it is made for a system with the loader ${shown}, which is not there; install a build for this system`
      : needs.endsWith("\r")
      ? `the first line of "${path}" ends as on Windows, so that it asks for the interpreter ${shown}; save the file with line ends of Unix`
      : `the first line of "${path}" asks for the interpreter ${shown}, which is not there; install it, or mend that line`;
  }
  if (as === "loader" || depth >= MAX_INTERPRETERS) return undefined;
  const obstacle = obstacleToFile(needed, accessor, depth + 1);
  return obstacle === undefined
    ? undefined
    : `its interpreter "${needs}" cannot be started: ${obstacle}`;
}

/** First folder on the way to a path, or that path itself, that may not be entered. */
function closedFolder(path: string, accessor: Accessor): string | undefined {
  const parent = dirname(path);
  const above = parent === path ? undefined : closedFolder(parent, accessor);
  if (above !== undefined) return above;
  const info = infoOf(path);
  if (typeof info === "string" || !info.isDirectory) return undefined;
  return mayEnter(info, accessor) ? undefined : path;
}

function mayEnter(info: Deno.FileInfo, accessor: Accessor): boolean {
  return accessor.uid === 0 || hasExecuteBit(info, accessor);
}

function mayExecute(info: Deno.FileInfo, accessor: Accessor): boolean {
  if (accessor.uid === 0) return ((info.mode ?? 0o111) & 0o111) !== 0;
  return hasExecuteBit(info, accessor);
}

function hasExecuteBit(
  { mode, uid, gid }: Deno.FileInfo,
  accessor: Accessor,
): boolean {
  // On Windows the bits tell nothing about rights.
  if (mode === null || Deno.build.os === "windows") return true;
  if (uid === accessor.uid) return (mode & 0o100) !== 0;
  const inGroup = gid !== null && accessor.groups.includes(gid);
  return (mode & (inGroup ? 0o010 : 0o001)) !== 0;
}

function agentItself(cwd: string): Accessor {
  return { name: "the agent", uid: Deno.uid(), groups: ownGroups(), cwd };
}

function ownGroups(): number[] {
  const own = Deno.gid() ?? 0;
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    const [, others = ""] = /^Groups:(.*)$/m.exec(status) ?? [];
    return [own, ...others.trim().split(/\s+/).map(Number)];
  } catch {
    return [own];
  }
}

function infoOf(path: string): Deno.FileInfo | "missing" | "hidden" {
  try {
    return Deno.statSync(path);
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied ? "hidden" : "missing";
  }
}

function modeOf({ mode }: Deno.FileInfo): string {
  return ((mode ?? 0) & 0o7777).toString(8).padStart(4, "0");
}
