import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";
import { writeFileAtomically } from "../base/files.ts";
import { makePrivateFolder } from "../base/private_folder.ts";
import { sha256 as hashOf } from "../base/sha256.ts";
import { MAX_SHEET_BYTES } from "../steps/parse_sheet.ts";

/** Number of sheets that are kept. A host has one whole state and a few named ones. */
const MAX_SHEETS = 8;

const NAME = /^[0-9a-f]{64}$/;

/**
 * Sheets that this host has read from the Manager, by their hashes: a run of one that is known takes a message instead
 * of all of it. What cannot be kept or read is asked for again.
 */
export class KnownSheets {
  readonly #folder: string;

  /** @param steps Folder of steps */
  constructor(steps: string) {
    this.#folder = join(steps, "sheets");
  }

  /** Bytes of a sheet; undefined if they are not there, or are not those of the hash. */
  async find(sha256: string): Promise<Uint8Array | undefined> {
    const path = join(this.#folder, sha256);
    try {
      if ((await Deno.stat(path)).size > MAX_SHEET_BYTES) return undefined;
      const bytes = await Deno.readFile(path);
      if (encodeHex(hashOf(bytes)) !== sha256) return undefined;
      const now = new Date();
      await Deno.utime(path, now, now);
      return bytes;
    } catch {
      return undefined;
    }
  }

  /** Keeps a sheet, and forgets those that were used longest ago. */
  async keep(sha256: string, bytes: Uint8Array): Promise<void> {
    try {
      await makePrivateFolder(this.#folder);
      await writeFileAtomically(join(this.#folder, sha256), bytes);
      await this.#forget();
    } catch {
      // The next run asks for it again.
    }
  }

  async #forget(): Promise<void> {
    const known: { path: string; usedAt: number }[] = [];
    for await (const { name } of Deno.readDir(this.#folder)) {
      const path = join(this.#folder, name);
      const usedAt = NAME.test(name)
        ? (await Deno.stat(path)).mtime?.getTime() ?? 0
        : 0;
      known.push({ path, usedAt });
    }
    known.sort((one, other) => other.usedAt - one.usedAt);
    for (const { path } of known.slice(MAX_SHEETS)) await Deno.remove(path);
  }
}
