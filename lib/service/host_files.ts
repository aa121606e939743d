import { dirname, join } from "@std/path";
import { createHash } from "node:crypto";
import { lchown } from "node:fs/promises";
import { diskError, syncFolder, writeFileAtomically } from "../base/files.ts";

/** Mode of a file that everybody may read. */
const PUBLIC_FILE = 0o644;

/** Mode of a program. */
const PROGRAM = 0o755;

/** Bits of a mode that let everybody execute a file. */
const EXECUTE = 0o111;

/** Files of a host by their absolute paths. Errors are PiriErrors: DENIED, DISK, NOT_FOUND. */
export class HostFiles {
  readonly #root: string;

  /** @param root Folder that stands for the root of the host; empty for the root itself. */
  constructor(root = "") {
    this.#root = root;
  }

  /** Path at which another program finds a file. */
  at(path: string): string {
    return this.#root === "" ? path : join(this.#root, path);
  }

  /** Text of a file; undefined if there is none. */
  async read(path: string): Promise<string | undefined> {
    return await ifThere(`read "${path}"`, Deno.readTextFile(this.at(path)));
  }

  /** True if there is something, also behind a link. */
  async exists(path: string): Promise<boolean> {
    return await ifThere(`look for "${path}"`, Deno.stat(this.at(path))) !==
      undefined;
  }

  /** True if there is a folder. */
  async isFolder(path: string): Promise<boolean> {
    const info = await ifThere(`look for "${path}"`, Deno.stat(this.at(path)));
    return info?.isDirectory === true;
  }

  /** True if there is a file that everybody may execute. */
  async isProgram(path: string): Promise<boolean> {
    const found = await ifThere(`look for "${path}"`, Deno.stat(this.at(path)));
    // Windows has no such mode.
    return found !== undefined &&
      ((found.mode ?? PROGRAM) & EXECUTE) === EXECUTE;
  }

  /** Path without links; undefined if there is nothing. */
  async realPath(path: string): Promise<string | undefined> {
    return await ifThere(`look for "${path}"`, Deno.realPath(this.at(path)));
  }

  /** Writes a file that everybody may read, unless it is right. Returns true if it was not. */
  async write(
    path: string,
    text: string,
    mode = PUBLIC_FILE,
  ): Promise<boolean> {
    if (await this.read(path) === text) return false;
    await this.makeFolder(dirname(path));
    await writeFileAtomically(this.at(path), text, { mode });
    return true;
  }

  async makeFolder(path: string): Promise<void> {
    await Deno.mkdir(this.at(path), { recursive: true, mode: 0o755 }).catch(
      (error) => {
        throw diskError(`make "${path}"`, error);
      },
    );
  }

  /** Copies a program, durably, and puts it in the place of an older one at once. A running one is not written to. */
  async copyProgram(from: string, to: string): Promise<void> {
    const temporary = `${this.at(to)}.new`;
    await this.makeFolder(dirname(to));
    try {
      await Deno.copyFile(this.at(from), temporary);
      await makeDurableProgram(temporary);
      await Deno.rename(temporary, this.at(to));
      await syncFolder(dirname(this.at(to)));
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw diskError(`copy "${from}" to "${to}"`, error);
    }
  }

  /** Target of a link; undefined if there is none. */
  async readLink(path: string): Promise<string | undefined> {
    try {
      return await Deno.readLink(this.at(path));
    } catch (error) {
      // Something else than a link is no link.
      if (error instanceof Deno.errors.PermissionDenied) {
        throw diskError(`read "${path}"`, error);
      }
      return undefined;
    }
  }

  /** Lets a link lead to a target, at once, unless it does. Returns true if it did not. */
  async link(path: string, target: string): Promise<boolean> {
    if (await this.readLink(path) === target) return false;
    const temporary = `${this.at(path)}.new`;
    await this.makeFolder(dirname(path));
    try {
      await Deno.remove(temporary).catch(() => {});
      await Deno.symlink(target, temporary);
      await Deno.rename(temporary, this.at(path));
      await syncFolder(dirname(this.at(path)));
    } catch (error) {
      throw diskError(`link "${path}"`, error);
    }
    return true;
  }

  /** Moves a program, whose bytes are durable, to another place of the same file system. */
  async moveProgram(from: string, to: string): Promise<void> {
    await this.makeFolder(dirname(to));
    try {
      await Deno.rename(this.at(from), this.at(to));
      await syncFolder(dirname(this.at(to)));
    } catch (error) {
      throw diskError(`move "${from}" to "${to}"`, error);
    }
  }

  /** Gives a program a second name, in the place of what had that name, at once. */
  async secondName(program: string, name: string): Promise<void> {
    const temporary = `${this.at(name)}.new`;
    await this.makeFolder(dirname(name));
    try {
      await Deno.remove(temporary).catch(() => {});
      await Deno.link(this.at(program), temporary);
      await Deno.rename(temporary, this.at(name));
      // A rename onto another name of the same file does nothing.
      await Deno.remove(temporary).catch(() => {});
      await syncFolder(dirname(this.at(name)));
    } catch (error) {
      throw diskError(`link "${name}"`, error);
    }
  }

  /** Removes a file, a link, or a folder with all that is in it. Returns false if there was none. */
  async remove(path: string): Promise<boolean> {
    const removed = Deno.remove(this.at(path), { recursive: true })
      .then(() => true);
    return await ifThere(`remove "${path}"`, removed) ?? false;
  }

  /** Removes a folder if it is empty. */
  async removeEmpty(path: string): Promise<void> {
    await Deno.remove(this.at(path)).catch(() => {});
  }

  /** Names in a folder; none if there is no folder. */
  async list(path: string): Promise<string[]> {
    try {
      const names = await Array.fromAsync(Deno.readDir(this.at(path)));
      return names.map(({ name }) => name).toSorted();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw diskError(`list "${path}"`, error);
    }
  }

  /** SHA-256 of a file in hex; undefined if there is none. */
  async sha256(path: string): Promise<string | undefined> {
    const file = await ifThere(`read "${path}"`, Deno.open(this.at(path)));
    if (file === undefined) return undefined;
    const hash = createHash("sha256");
    for await (const piece of file.readable) hash.update(piece);
    return hash.digest("hex");
  }

  /** True if there is no second file, or another one than the first. */
  async differs(from: string, to: string): Promise<boolean> {
    const there = await this.realPath(to);
    if (there === undefined) return true;
    if (there === await this.realPath(from)) return false;
    return await this.sha256(from) !== await this.sha256(to);
  }

  /** Gives a folder and all that is in it to a user and a group. Returns false if all of it was theirs. */
  async giveTo(path: string, uid: number, gid: number): Promise<boolean> {
    try {
      return await giveAll(this.at(path), uid, gid);
    } catch (error) {
      throw diskError(`give "${path}" to user ${uid}`, error);
    }
  }
}

async function makeDurableProgram(path: string): Promise<void> {
  if (Deno.build.os !== "windows") await Deno.chmod(path, PROGRAM);
  using file = await Deno.open(path, { read: true, write: true });
  await file.sync();
}

async function giveAll(
  path: string,
  uid: number,
  gid: number,
): Promise<boolean> {
  let given = await giveOne(path, uid, gid);
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(path)) {
    // A link would lead elsewhere.
    if (isSymlink) continue;
    const give = isDirectory ? giveAll : giveOne;
    given = await give(join(path, name), uid, gid) || given;
  }
  return given;
}

async function giveOne(
  path: string,
  uid: number,
  gid: number,
): Promise<boolean> {
  const info = await Deno.lstat(path);
  if (info.uid === uid && info.gid === gid) return false;
  // Not what a link leads to: whoever owns the folder may put one there in this moment.
  await lchown(path, uid, gid);
  return true;
}

async function ifThere<T>(
  attempt: string,
  found: Promise<T>,
): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw diskError(attempt, error);
  }
}
