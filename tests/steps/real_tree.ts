import { join } from "@std/path";

/** All about a folder that a write could change: kinds, modes, owners, times, and contents. */
export async function realTree(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const visit = async (path: string, name: string) => {
    const info = await Deno.lstat(path);
    const content = info.isFile
      ? await Deno.readTextFile(path)
      : info.isSymlink
      ? await Deno.readLink(path)
      : "";
    const { mode, uid, gid, ino, mtime, ctime } = info;
    found.set(
      name,
      JSON.stringify([mode, uid, gid, ino, mtime, ctime, content]),
    );
    if (!info.isDirectory) return;
    for await (const { name: each } of Deno.readDir(path)) {
      await visit(join(path, each), `${name}/${each}`);
    }
  };
  await visit(folder, "");
  return found;
}
