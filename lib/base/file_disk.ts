import { dirname, join } from "@std/path";
import type { Disk } from "./disk.ts";
import { type ErrorCode, messageOf, PiriError } from "./errors.ts";
import {
  diskError,
  PRIVATE_FILE,
  PRIVATE_FOLDER,
  syncFolder,
  writeFileAtomically,
} from "./files.ts";
import { closeFile, type OpenFile, OpenFiles } from "./open_files.ts";
import {
  isOpenToOthers,
  requireFileMode,
  requireFileOwner,
  requireFolderRights,
} from "./posix_rights.ts";
import { QuickCalls } from "./quick_calls.ts";
import { unlockAndClose } from "./unlock.ts";

/** Name of the file that locks the folder for one process. It is not one of the disk's files. */
const LOCK = "lock";

/** Limit of file descriptors that stay open between two calls. */
const MAX_OPEN_FILES = 64;

/** Disk in a real folder. The process owns the folder until the disk is closed. */
export interface FileDisk extends Disk, AsyncDisposable {}

/**
 * Opens a folder as a Disk, creating it if there is none. Takes all rights from others that a copy or another version
 * gave them.
 *
 * @throws {PiriError} FAILED_PRECONDITION at once if another process has it; DENIED if others own a part of it; DISK
 */
export async function openFileDisk(folder: string): Promise<FileDisk> {
  return await guarded(`open "${folder}"`, async () => {
    await Deno.mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    const lock = await takeLock(folder);
    try {
      await removeLeftovers(folder);
      await closeToOthers(folder);
      // Names that an earlier process created may not be on the disk yet.
      await syncFolder(folder);
      // The parent folder may belong to another user and not be readable.
      await syncFolder(dirname(folder)).catch(() => {});
    } catch (error) {
      unlockAndClose(lock);
      throw error;
    }
    return new FolderDisk(folder, lock);
  }, ["FAILED_PRECONDITION", "DENIED"]);
}

/**
 * Takes the rights of others away from a folder and the files in it.
 *
 * @throws {PiriError} DENIED if others own one of them
 */
async function closeToOthers(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  const own = Deno.uid() ?? 0;
  const mayChange = ({ uid }: Deno.FileInfo) => own === 0 || own === uid;
  const info = await Deno.stat(folder);
  requireFolderRights(
    folder,
    mayChange(info) ? { ...info, mode: PRIVATE_FOLDER } : info,
    own,
    { anyOwnerForRoot: true },
  );
  if (isOpenToOthers(info) && mayChange(info)) {
    await Deno.chmod(folder, PRIVATE_FOLDER);
  }
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) continue;
    const path = join(folder, name);
    const file = await Deno.lstat(path);
    requireFileOwner(path, file, own, info.uid);
    if (!mayChange(file)) requireFileMode(path, file);
    else if (isOpenToOthers(file)) await Deno.chmod(path, PRIVATE_FILE);
  }
}

/** Locks the folder. The system releases the lock when the process ends, however it ends. */
async function takeLock(folder: string): Promise<Deno.FsFile> {
  const file = await Deno.open(join(folder, LOCK), {
    write: true,
    create: true,
    mode: PRIVATE_FILE,
  });
  try {
    if (await file.tryLock(true)) {
      await file.truncate();
      await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
      return file;
    }
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot open "${folder}": another piri-agent runs with this folder`,
  );
}

/**
 * Id of the process that has a folder open as a Disk; undefined if none has, or it does not say.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function ownerOf(folder: string): Promise<number | undefined> {
  try {
    const file = await Deno.open(join(folder, LOCK));
    try {
      if (await file.tryLock(false)) return undefined;
    } finally {
      unlockAndClose(file);
    }
    // Windows lets nobody read what somebody else has locked.
    if (Deno.build.os === "windows") return undefined;
    const pid = Number(await Deno.readTextFile(join(folder, LOCK)));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw diskError(`look who uses "${folder}"`, error);
  }
}

/** Removes the files that a crash in the middle of `replace` left. */
async function removeLeftovers(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".tmp")) await Deno.remove(join(folder, name));
  }
}

class FolderDisk implements FileDisk {
  readonly #folder: string;
  readonly #lock: Deno.FsFile;
  readonly #files = new OpenFiles(MAX_OPEN_FILES);
  /** Files with a name that may not be on the disk yet. */
  readonly #unnamed = new Set<string>();
  readonly #writing = new QuickCalls();
  readonly #syncing = new QuickCalls();
  #closed = false;

  constructor(folder: string, lock: Deno.FsFile) {
    this.#folder = folder;
    this.#lock = lock;
  }

  list(): Promise<string[]> {
    return guarded(`list "${this.#folder}"`, async () => {
      const names: string[] = [];
      for await (const { name, isFile } of Deno.readDir(this.#folder)) {
        if (isFile && name !== LOCK && !name.endsWith(".tmp")) names.push(name);
      }
      return names.sort();
    });
  }

  size(name: string): Promise<number> {
    return guarded(`stat "${name}"`, async () => {
      try {
        return (await Deno.stat(this.#path(name))).size;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return 0;
        throw error;
      }
    });
  }

  read(
    name: string,
    offset: number,
    length: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#use(name, `read "${name}"`, async (open) => {
      const bytes = new Uint8Array(length);
      let got = 0;
      try {
        open.file ??= await this.#openFile(name, false);
        await open.file.seek(offset, Deno.SeekMode.Start);
        while (got < length) {
          const count = await open.file.read(bytes.subarray(got));
          if (count === null) break;
          got += count;
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      return bytes.subarray(0, got);
    });
  }

  append(name: string, bytes: Uint8Array): Promise<void> {
    return this.#use(name, `append to "${name}"`, async (open) => {
      open.file ??= await this.#openFile(name, true);
      const { file } = open;
      for (let written = 0; written < bytes.length;) {
        const rest = bytes.subarray(written);
        written += await this.#writing.call({
          here: () => file.writeSync(rest),
          elsewhere: () => file.write(rest),
        });
      }
    });
  }

  sync(name: string): Promise<void> {
    return this.#use(name, `sync "${name}"`, async (open) => {
      open.file ??= await this.#openFile(name, false);
      const { file } = open;
      await this.#syncing.call({
        here: () => file.syncDataSync(),
        elsewhere: () => file.syncData(),
      });
      if (this.#unnamed.has(name)) {
        await syncFolder(this.#folder);
        this.#unnamed.delete(name);
      }
    });
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    return this.#use(name, `replace "${name}"`, async (open) => {
      closeFile(open);
      await writeFileAtomically(this.#path(name), bytes);
      this.#unnamed.delete(name);
    });
  }

  truncate(name: string, size: number): Promise<void> {
    return this.#use(name, `truncate "${name}"`, async () => {
      await Deno.truncate(this.#path(name), size);
    });
  }

  remove(name: string): Promise<void> {
    return this.#use(name, `remove "${name}"`, async (open) => {
      closeFile(open);
      try {
        await Deno.remove(this.#path(name));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      this.#unnamed.delete(name);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#files.close();
    unlockAndClose(this.#lock);
  }

  async #openFile(name: string, create: boolean): Promise<Deno.FsFile> {
    const path = this.#path(name);
    try {
      return await Deno.open(path, { read: true, append: true });
    } catch (error) {
      if (!create || !(error instanceof Deno.errors.NotFound)) throw error;
    }
    this.#unnamed.add(name);
    return await Deno.open(path, {
      read: true,
      append: true,
      create: true,
      mode: PRIVATE_FILE,
    });
  }

  async #use<T>(
    name: string,
    attempt: string,
    task: (open: OpenFile) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) {
      throw new PiriError("DISK", `Cannot ${attempt}: the disk is closed`);
    }
    return await this.#files.use(
      name,
      (open) => guarded(attempt, () => task(open)),
    );
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

/**
 * Runs a task and turns every error of the system into DISK. For a journal, a folder of another user is a failing disk
 * too.
 */
async function guarded<T>(
  attempt: string,
  task: () => Promise<T>,
  passed: readonly ErrorCode[] = [],
): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof PiriError && passed.includes(error.code)) throw error;
    throw new PiriError("DISK", `Cannot ${attempt}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
