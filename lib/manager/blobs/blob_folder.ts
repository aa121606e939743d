import { writeAll } from "../../base/write_all.ts";
import { dirname, join } from "@std/path";
import { createHash } from "node:crypto";
import { SHA256_PATTERN } from "../../base/blob.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { diskError, PRIVATE_FILE, syncFolder } from "../../base/files.ts";
import { makePrivateFolder } from "../../base/private_folder.ts";
import { Turns } from "../../base/turns.ts";
import { SharedFiles } from "../data/shared_files.ts";

/** Time for which a blob is kept after it was uploaded or asked for, in milliseconds. */
export const LEASE_MS = 3_600_000;

/** Number of small blobs that are written at the same time. */
const AT_ONCE = 16;

/** Blob on the disk. */
export interface StoredBlob {
  readonly sha256: string;
  readonly size: number;
  /** End of its lease, in milliseconds since 1970. */
  readonly leasedUntil: number;
}

/**
 * Folder of blobs: files that are named by their SHA-256. The time of a file's last change is the begin of its lease, so
 * that a restart forgets nothing.
 */
export class BlobFolder {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #shared: SharedFiles;
  readonly #takes = new Turns();
  /** Hashes of small blobs that are being written. */
  readonly #writing = new Set<string>();
  #count = 0;
  #bytes = 0;

  private constructor(dir: string, clock: Clock) {
    this.#dir = dir;
    this.#clock = clock;
    this.#shared = new SharedFiles(clock);
  }

  /**
   * Opens the folder, and makes it if there is none.
   *
   * @throws {PiriError} DENIED, DISK
   */
  static async open(dir: string, clock: Clock): Promise<BlobFolder> {
    await makePrivateFolder(dir);
    const folder = new BlobFolder(dir, clock);
    for await (const { size } of folder.all()) {
      folder.#count++;
      folder.#bytes += size;
    }
    return folder;
  }

  /** Number of blobs. */
  get count(): number {
    return this.#count;
  }

  /** Size of all blobs together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Size of a blob; undefined if there is none. */
  async size(sha256: string): Promise<number | undefined> {
    try {
      return (await Deno.stat(this.#path(sha256))).size;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw diskError("look for a blob", error);
    }
  }

  /** Begins the lease of a blob anew. Returns its size; undefined if there is none. */
  async lease(sha256: string): Promise<number | undefined> {
    const path = this.#path(sha256);
    try {
      const now = this.#clock.now() / 1_000;
      await Deno.utime(path, now, now);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw diskError("keep a blob", error);
    }
    return await this.size(sha256);
  }

  /**
   * Reads up to `length` bytes from `offset`; fewer where the blob ends.
   *
   * @throws {PiriError} NOT_FOUND, DISK
   */
  async read(
    sha256: string,
    range: { offset: number; length: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    const path = this.#path(sha256);
    try {
      return await this.#shared.read(
        sha256,
        () => Promise.resolve(path),
        range,
      );
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw gone(sha256);
      throw diskError("read a blob", error);
    }
  }

  /** Moves a complete file, which is on the disk, to its place. */
  take(path: string, sha256: string, size: number): Promise<void> {
    // Two uploads may have the same content.
    return this.#takes.run(() => this.#take(path, sha256, size));
  }

  async #take(path: string, sha256: string, size: number): Promise<void> {
    try {
      const known = await this.lease(sha256);
      if (known !== undefined) return await Deno.remove(path);
      const now = this.#clock.now() / 1_000;
      if (Deno.build.os !== "windows") await Deno.chmod(path, PRIVATE_FILE);
      await Deno.utime(path, now, now);
      await Deno.rename(path, this.#path(sha256));
      await syncFolder(this.#dir);
      this.#count++;
      this.#bytes += size;
    } catch (error) {
      throw diskError("keep a blob", error);
    }
  }

  /** Writes small blobs, and returns their hashes. They share one write of the folder to the disk. */
  async add(contents: readonly Uint8Array[]): Promise<string[]> {
    const hashes = contents.map((bytes) =>
      createHash("sha256").update(bytes).digest("hex")
    );
    try {
      const waiting = contents.entries();
      const worker = async () => {
        for (const [index, bytes] of waiting) {
          await this.#write(hashes[index] ?? "", bytes);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      await syncFolder(this.#dir);
      return hashes;
    } catch (error) {
      throw diskError("keep a blob", error);
    }
  }

  async #write(sha256: string, bytes: Uint8Array): Promise<void> {
    // The same content may be twice in one request.
    if (this.#writing.has(sha256)) return;
    this.#writing.add(sha256);
    try {
      if (await this.lease(sha256) !== undefined) return;
      const temporary = join(this.#dir, `${sha256}.new`);
      const options = { write: true, create: true, truncate: true };
      {
        using file = await Deno.open(temporary, {
          ...options,
          mode: PRIVATE_FILE,
        });
        await writeAll(file, bytes);
        await file.sync();
      }
      const now = this.#clock.now() / 1_000;
      await Deno.utime(temporary, now, now);
      await Deno.rename(temporary, this.#path(sha256));
      this.#count++;
      this.#bytes += bytes.length;
    } finally {
      this.#writing.delete(sha256);
    }
  }

  /** Gives a blob a second place, durably. Returns false if there is no such blob. */
  async copyTo(sha256: string, path: string): Promise<boolean> {
    const from = this.#path(sha256);
    if (await this.lease(sha256) === undefined) return false;
    try {
      await Deno.remove(path).catch(() => {});
      await Deno.link(from, path).catch(() => Deno.copyFile(from, path));
      await syncFolder(path);
      await syncFolder(dirname(path));
      return true;
    } catch (error) {
      throw diskError(`write "${path}"`, error);
    }
  }

  /** All blobs, in no order. */
  async *all(): AsyncGenerator<StoredBlob> {
    for await (const { name, isFile } of Deno.readDir(this.#dir)) {
      if (!isFile || !SHA256_PATTERN.test(name)) continue;
      const info = await Deno.stat(join(this.#dir, name)).catch(() => null);
      if (info === null) continue;
      const leasedUntil = (info.mtime?.getTime() ?? 0) + LEASE_MS;
      yield { sha256: name, size: info.size, leasedUntil };
    }
  }

  /** Deletes a blob. A request that reads it goes on. */
  async remove({ sha256, size }: StoredBlob): Promise<void> {
    try {
      await Deno.remove(this.#path(sha256));
      this.#count--;
      this.#bytes -= size;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw diskError("delete a blob", error);
    }
  }

  #path(sha256: string): string {
    // Any other text could lead out of the folder.
    if (!SHA256_PATTERN.test(sha256)) throw gone(sha256);
    return join(this.#dir, sha256);
  }
}

/** Error for a blob that the Manager does not have. */
export function gone(sha256: string): PiriError {
  return new PiriError(
    "NOT_FOUND",
    `Cannot find the blob ${
      sha256.slice(0, 64)
    }: the Manager has none of that hash, or has it no longer`,
  );
}
