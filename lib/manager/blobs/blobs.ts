import { join } from "@std/path";
import { type BlobName, SHA256_PATTERN } from "../../base/blob.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { Turns } from "../../base/turns.ts";
import type { Store } from "../../store/store.ts";
import type { BlobAdmin } from "../api/operator_api.ts";
import { BlobFolder, gone, type StoredBlob } from "./blob_folder.ts";
import { spentBlobs } from "./spent_blobs.ts";
import { Trees } from "./trees.ts";
import { Uploads } from "./uploads.ts";

const log = logger("manager", "blobs");

/** Part of the limit that is freed beyond what is needed, so that not each piece looks for more. */
const SPARE = 1 / 64;

/** Means and settings of the blobs. */
export interface BlobsOptions {
  /** Folder of the blobs in the state folder. */
  readonly dir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Pick<Store, "blobUses">;
  /** Most bytes of all blobs together. */
  readonly limit: () => number;
  /** Blobs that the parameters of an operation name. */
  readonly namesOf: (operation: string, params: string) => readonly BlobName[];
}

/** Large inputs of commands: uploads, what they become, and how long that is kept. */
export class Blobs implements BlobAdmin {
  readonly #options: BlobsOptions;
  readonly #folder: BlobFolder;
  readonly #uploads: Uploads;
  readonly #trees: Trees;
  /** Lets one sweep at a time look for blobs to delete. */
  readonly #sweeps = new Turns();

  private constructor(
    options: BlobsOptions,
    folder: BlobFolder,
    uploads: Uploads,
  ) {
    this.#options = options;
    this.#folder = folder;
    this.#uploads = uploads;
    this.#trees = new Trees(folder);
  }

  /** Opens the folder of the blobs, and makes it if there is none. */
  static async open(options: BlobsOptions): Promise<Blobs> {
    const { dir, clock } = options;
    return new Blobs(
      options,
      await BlobFolder.open(dir, clock),
      await Uploads.open(join(dir, "uploads"), options),
    );
  }

  get figures(): { count: number; bytes: number; limit: number } {
    const { count, bytes } = this.#folder;
    const limit = this.#options.limit();
    return { count, bytes: bytes + this.#uploads.bytes, limit };
  }

  // Requests of operators.

  async has(sha256: string): Promise<boolean> {
    return await this.#folder.lease(checked(sha256)) !== undefined;
  }

  async begin(size = 0): Promise<string> {
    await this.#makeRoom(size);
    return await this.#uploads.begin();
  }

  offset(id: string): Promise<number> {
    return this.#uploads.offset(id);
  }

  async append(id: string, offset: number, bytes: Uint8Array): Promise<number> {
    await this.#makeRoom(bytes.length);
    return await this.#uploads.append(id, offset, bytes);
  }

  async finish(
    id: string,
    expected?: string,
  ): Promise<{ sha256: string; size: number }> {
    const { path, sha256, size } = await this.#uploads.finish(id);
    if (expected !== undefined && expected !== sha256) {
      await Deno.remove(path).catch(() => {});
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot finish the upload: its SHA-256 is ${sha256}, and not ${expected}; it was changed while it was sent`,
      );
    }
    await this.#folder.take(path, sha256, size);
    return { sha256, size };
  }

  async add(contents: readonly Uint8Array[]): Promise<string[]> {
    await this.#makeRoom(contents.reduce((sum, { length }) => sum + length, 0));
    return await this.#folder.add(contents);
  }

  // Commands.

  /** Blobs that a command of this kind names. */
  namesOf(operation: string, params: string): readonly BlobName[] {
    return this.#options.namesOf(operation, params);
  }

  /**
   * Hashes of the files in a tree.
   *
   * @throws {PiriError} NOT_FOUND, DISK
   */
  members(tree: string): Promise<ReadonlySet<string>> {
    return this.#trees.members(tree);
  }

  /**
   * Keeps the blobs that a new command names, until it is recorded.
   *
   * @throws {PiriError} NOT_FOUND if one of them is gone
   */
  async need(operation: string, params: string): Promise<readonly BlobName[]> {
    const names = this.namesOf(operation, params);
    for (const { sha256, isTree } of names) {
      await this.#keep(sha256, operation);
      const members = isTree ? await this.members(sha256) : [];
      for (const member of members) await this.#keep(member, operation);
    }
    return names;
  }

  async #keep(sha256: string, operation: string): Promise<void> {
    if (await this.#folder.lease(sha256) !== undefined) return;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot run "${operation}": the Manager no longer has its input (SHA-256 ${sha256}); give the input again with a new command`,
    );
  }

  /** Reads a piece of a blob. Throws as `BlobFolder.read`. */
  read(
    sha256: string,
    range: { offset: number; length: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#folder.read(sha256, range);
  }

  /** Gives a blob a second place, durably. Returns false if there is no such blob. */
  copyTo(sha256: string, path: string): Promise<boolean> {
    return this.#folder.copyTo(sha256, path);
  }

  // Upkeep.

  /** Deletes what is kept for nothing, and what is above the limit. */
  async sweep(): Promise<void> {
    await this.#uploads.sweep();
    await this.#sweepTo(this.#options.limit());
  }

  async #makeRoom(size: number): Promise<void> {
    const { bytes, limit } = this.figures;
    if (bytes + size <= limit) return;
    await this.#sweepTo(Math.max(0, limit - size - Math.floor(limit * SPARE)));
    const left = this.figures;
    if (left.bytes + size <= limit) return;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot take ${size} bytes more: what open commands and plans read and what was sent in the last hour takes ${left.bytes} bytes on the Manager, and the limit is ${limit}; set blobBytes in config.yaml higher, or wait`,
    );
  }

  #sweepTo(limit: number): Promise<void> {
    return this.#sweeps.run(async () => {
      const uses = await this.#trees.withMembers(
        await this.#options.store.blobUses(),
      );
      const stored: StoredBlob[] = await Array.fromAsync(this.#folder.all());
      const now = this.#options.clock.now();
      // Uploads under way count, too.
      const most = limit - this.#uploads.bytes;
      const spent = spentBlobs(stored, { now, limit: most, uses });
      for (const blob of spent) await this.#folder.remove(blob);
      if (spent.length > 0) {
        log.info("Deleted {count} blobs", { count: spent.length });
      }
    });
  }
}

function checked(sha256: string): string {
  if (SHA256_PATTERN.test(sha256)) return sha256;
  throw gone(sha256);
}
