import { join, relative } from "@std/path";
import { PiriError } from "../../../base/errors.ts";
import type { HostReader } from "../../host/host.ts";

/** File system as it is mounted. */
export interface MountRow {
  /** Numbers of its device, as 8:1. */
  readonly device: string;
  /** Path in the file system that is seen here: not "/" for a part of one. */
  readonly root: string;
  readonly path: string;
  readonly type: string;
  readonly source: string;
  /** Options of this mount, and those of the file system itself. */
  readonly options: readonly string[];
}

/** Mounted file systems, of two at a path the upper one last. */
export async function mountsOf(
  reader: HostReader,
): Promise<readonly MountRow[]> {
  return await reader.shared({ name: "mounts", paths: [] }, async () => {
    // The table of a process is its own, so that a program is asked for what it sees.
    const { code, stdout } = await reader.ask({
      argv: ["cat", "/proc/self/mountinfo"],
    });
    if (code === 0) return readMounts(stdout);
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot tell what is mounted on this host: there is no /proc/self/mountinfo",
    );
  });
}

/** Reads the kernel's table. Source: proc_pid_mountinfo(5). */
export function readMounts(text: string): MountRow[] {
  return text.split("\n").flatMap((line) => {
    const words = line.split(" ");
    const end = words.indexOf("-");
    const [, , device = "", root = "", path = "", options = ""] = words;
    const [type = "", source = "", own = ""] = words.slice(end + 1);
    if (end < 6 || path === "") return [];
    return [{
      device,
      root: unescaped(root),
      path: unescaped(path),
      type,
      source: unescaped(source),
      options: [...options.split(","), ...own.split(",")],
    }];
  });
}

/** Place that a path has in a file system. */
export interface PlaceInMount {
  readonly device: string;
  readonly root: string;
}

/** Place of a path without links. */
export function placeIn(
  mounts: readonly MountRow[],
  path: string,
): PlaceInMount | undefined {
  let found: MountRow | undefined;
  for (const each of mounts) {
    const isAbove = each.path === "/" || path === each.path ||
      path.startsWith(`${each.path}/`);
    if (isAbove && each.path.length >= (found?.path.length ?? 0)) found = each;
  }
  if (found === undefined) return undefined;
  const { device, root } = found;
  return { device, root: join(root, relative(found.path, path)) };
}

/** The kernel and fstab write blanks and backslashes as octal digits. */
export function unescaped(text: string): string {
  return text.replace(
    /\\([0-7]{3})/g,
    (_, digits) => String.fromCharCode(parseInt(digits, 8)),
  );
}

export function escaped(text: string): string {
  return text.replace(
    /[\s\\#]/g,
    (sign) => `\\${sign.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}
