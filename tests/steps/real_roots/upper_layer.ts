import { join } from "@std/path";

/** Folders of an overlay: the layer that takes what is written, and the root as it was before. */
export interface Layers {
  readonly upper: string;
  readonly lower: string;
}

/**
 * Everything that was written, sorted: "+ PATH" for what is new, "~ PATH" for what is another, "- PATH" for what is
 * gone. The names of folders end with a slash.
 */
export function writtenIn({ upper, lower }: Layers): readonly string[] {
  return [...below("")].sort();

  function* below(folder: string): Iterable<string> {
    for (const { name } of Deno.readDirSync(join(upper, folder))) {
      const path = `${folder}/${name}`;
      const now = Deno.lstatSync(join(upper, path));
      const before = factsOf(join(lower, path));
      const mark = now.isDirectory ? `${path}/` : path;
      if (isWhiteout(now)) {
        yield `- ${path}`;
      } else if (before === undefined) {
        yield `+ ${mark}`;
      } else if (!now.isDirectory || !isAlike(now, before)) {
        yield `~ ${mark}`;
      }
      if (!now.isDirectory) continue;
      yield* below(path);
      if (before?.isDirectory === true) yield* hidden(path);
    }
  }

  /** Names that a folder has lost because another one has taken its place. */
  function* hidden(folder: string): Iterable<string> {
    const left = new Set([...Deno.readDirSync(folder)].map(({ name }) => name));
    for (const { name } of Deno.readDirSync(join(lower, folder))) {
      const isMarked = factsOf(join(upper, folder, name)) !== undefined;
      if (!left.has(name) && !isMarked) yield `- ${folder}/${name}`;
    }
  }
}

/** Every path of the upper layer with what a write would change. */
export function stampsOf({ upper }: Layers): readonly string[] {
  return [...below("")];

  function* below(folder: string): Iterable<string> {
    for (const { name } of Deno.readDirSync(join(upper, folder))) {
      const path = `${folder}/${name}`;
      const { isDirectory, ino, size, mode, uid, gid, mtime, ctime } = Deno
        .lstatSync(join(upper, path));
      const times = [mtime?.getTime(), ctime?.getTime()];
      yield [path, ino, size, mode, uid, gid, ...times].join(" ");
      if (isDirectory) yield* below(path);
    }
  }
}

function isWhiteout({ isCharDevice, rdev }: Deno.FileInfo): boolean {
  return isCharDevice === true && rdev === 0;
}

function isAlike(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.mode === other.mode && one.uid === other.uid &&
    one.gid === other.gid;
}

function factsOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
