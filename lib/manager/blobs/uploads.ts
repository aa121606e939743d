import { writeAll } from "../../base/write_all.ts";
import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";
import { createHash, type Hash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { diskError, PRIVATE_FILE } from "../../base/files.ts";
import { makePrivateFolder } from "../../base/private_folder.ts";
import type { Random } from "../../base/random.ts";
import { QuickCalls } from "../../base/quick_calls.ts";
import { Turns } from "../../base/turns.ts";
import { WriteOut } from "../../base/write_out.ts";
import { LEASE_MS } from "./blob_folder.ts";

const UPLOAD_ID = /^[0-9a-f]{32}$/;

const READ_BYTES = 262_144;

/** Upload under way. */
interface Upload {
  readonly path: string;
  /** Orders its writes. */
  readonly turns: Turns;
  /** Bytes so far. */
  offset: number;
  /** Hash of them. */
  readonly hash: Hash;
  readonly writeOut: WriteOut;
}

/** Complete upload. */
export interface FinishedUpload {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

/**
 * Uploads under way: files that are named by the upload's id. What was received survives a restart, because the file
 * itself says how far it is.
 */
export class Uploads {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #known = new Map<string, Promise<Upload>>();
  readonly #opens = new QuickCalls();
  #bytes = 0;

  private constructor(dir: string, clock: Clock, random: Random) {
    this.#dir = dir;
    this.#clock = clock;
    this.#random = random;
  }

  /** Opens the folder of the uploads, and makes it if there is none. */
  static async open(
    dir: string,
    { clock, random }: { clock: Clock; random: Random },
  ): Promise<Uploads> {
    await makePrivateFolder(dir);
    const uploads = new Uploads(dir, clock, random);
    for await (const { size } of uploads.#files()) uploads.#bytes += size;
    return uploads;
  }

  /** Size of all that was received. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Begins an upload and returns its id. */
  async begin(): Promise<string> {
    const id = encodeHex(this.#random.bytes(16));
    const path = join(this.#dir, id);
    try {
      const options = { write: true, createNew: true, mode: PRIVATE_FILE };
      (await Deno.open(path, options)).close();
    } catch (error) {
      throw diskError("begin an upload", error);
    }
    const upload = uploadAt(path, { offset: 0, hash: createHash("sha256") });
    this.#known.set(id, Promise.resolve(upload));
    return id;
  }

  /** Bytes received so far. */
  async offset(id: string): Promise<number> {
    return (await this.#find(id)).offset;
  }

  /**
   * Appends bytes. Those that were received before are left out, so that a request can be repeated.
   *
   * @returns the bytes received so far
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if bytes before `offset` are missing; DISK
   */
  async append(id: string, offset: number, bytes: Uint8Array): Promise<number> {
    const upload = await this.#find(id);
    return await upload.turns.run(async () => {
      if (offset > upload.offset) {
        throw new PiriError(
          "FAILED_PRECONDITION",
          `Cannot take bytes of an upload from ${offset} on: ${upload.offset} have come so far`,
        );
      }
      const fresh = bytes.subarray(upload.offset - offset);
      try {
        await appendTo(upload, fresh, this.#opens);
      } catch (error) {
        // The file may have a part of them: it is looked at again.
        this.#known.delete(id);
        throw diskError("store an upload", error);
      }
      upload.hash.update(fresh);
      upload.offset += fresh.length;
      this.#bytes += fresh.length;
      return upload.offset;
    });
  }

  /**
   * Ends an upload: its file is complete and on the disk, and belongs to the caller.
   *
   * @throws {PiriError} NOT_FOUND, DISK
   */
  async finish(id: string): Promise<FinishedUpload> {
    const upload = await this.#find(id);
    return await upload.turns.run(async () => {
      try {
        await upload.writeOut.settled();
        using file = await Deno.open(upload.path, { write: true });
        await file.sync();
      } catch (error) {
        throw diskError("store an upload", error);
      }
      this.#known.delete(id);
      this.#bytes -= upload.offset;
      return {
        path: upload.path,
        sha256: upload.hash.digest("hex"),
        size: upload.offset,
      };
    });
  }

  /** Deletes an upload. */
  async remove(id: string): Promise<void> {
    const { size } = await Deno.stat(join(this.#dir, id));
    await Deno.remove(join(this.#dir, id));
    this.#known.delete(id);
    this.#bytes -= size;
  }

  /** Deletes the uploads that nobody has gone on with for the time of a lease. */
  async sweep(): Promise<void> {
    const before = this.#clock.now() - LEASE_MS;
    for await (const { id, changedAt } of this.#files()) {
      if (changedAt <= before) await this.remove(id).catch(() => {});
    }
  }

  #find(id: string): Promise<Upload> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    if (!UPLOAD_ID.test(id)) throw noUpload(id);
    const found = load(join(this.#dir, id), id);
    this.#known.set(id, found);
    found.catch(() => this.#known.delete(id));
    return found;
  }

  async *#files(): AsyncGenerator<
    { id: string; size: number; changedAt: number }
  > {
    for await (const { name: id } of Deno.readDir(this.#dir)) {
      const info = UPLOAD_ID.test(id)
        ? await Deno.stat(join(this.#dir, id)).catch(() => null)
        : null;
      if (info === null) continue;
      yield { id, size: info.size, changedAt: info.mtime?.getTime() ?? 0 };
    }
  }
}

/** Reads an upload of an earlier run, for its hash. */
async function load(path: string, id: string): Promise<Upload> {
  const hash = createHash("sha256");
  let offset = 0;
  try {
    using file = await Deno.open(path);
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const count = await file.read(buffer);
      if (count === null) break;
      hash.update(buffer.subarray(0, count));
      offset += count;
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw noUpload(id);
    throw diskError("read an upload", error);
  }
  return uploadAt(path, { offset, hash });
}

function uploadAt(
  path: string,
  state: Pick<Upload, "offset" | "hash">,
): Upload {
  const writeOut = new WriteOut(async () => {
    using file = await Deno.open(path, { write: true });
    await file.syncData();
  });
  return { path, turns: new Turns(), writeOut, ...state };
}

async function appendTo(
  { path, offset, writeOut }: Upload,
  bytes: Uint8Array,
  opens: QuickCalls,
): Promise<void> {
  using file = await opens.call({
    here: () => Deno.openSync(path, { write: true }),
    elsewhere: () => Deno.open(path, { write: true }),
  });
  file.seekSync(offset, Deno.SeekMode.Start);
  await writeAll(file, bytes);
  writeOut.wrote(bytes.length);
}

function noUpload(id: string): PiriError {
  return new PiriError(
    "NOT_FOUND",
    `Cannot find the upload ${
      JSON.stringify(id.slice(0, 40))
    }: it has ended, or nothing has come for an hour`,
  );
}
