import { join } from "@std/path";
import type { Asker } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { diskError, writeFileAtomically } from "../../base/files.ts";
import type { MinisignKey } from "../../base/minisign.ts";
import { makePrivateFolder } from "../../base/private_folder.ts";
import type { Random } from "../../base/random.ts";
import { Turns } from "../../base/turns.ts";
import type { AuditStore } from "../../store/audit_store.ts";
import {
  type Manifest,
  type ManifestFile,
  MAX_MANIFEST_BYTES,
  MAX_SIGNATURE_BYTES,
  readManifest,
  readSignedManifest,
} from "../../update/manifest.ts";
import { compareVersions } from "../../update/versions.ts";
import { VERSION_PATTERN } from "../../base/version_pattern.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { ReleaseAdmin, ReleaseView } from "../api/release_api.ts";

/** Names of the manifest and its signature, which no file of a release may have. */
export const MANIFEST = "manifest";
export const SIGNATURE = "signature";

/** Bytes of a blob that are read at a time. */
const PIECE_BYTES = 65_536;

/** Beginning of the names of the products that are kept. */
const AGENTS = /^piri-agent(-observe)?$/;

/** Folder, means and keys of the releases. */
export interface ReleasesOptions {
  /** Folder of the releases in the state folder. */
  readonly dir: string;
  readonly blobs: Pick<Blobs, "read" | "copyTo">;
  readonly store: Pick<AuditStore, "recordAudit">;
  readonly clock: Clock;
  readonly random: Random;
  /** Keys that may have signed a release. */
  readonly keys: () => readonly MinisignKey[];
}

/** Releases for agents: a folder each, with the manifest, its signature, and the executables of agents. */
export class Releases implements ReleaseAdmin {
  readonly #options: ReleasesOptions;
  readonly #changes = new Turns();

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  async list(): Promise<ReleaseView[]> {
    const { dir } = this.#options;
    const views: ReleaseView[] = [];
    for (const version of await namesIn(dir)) {
      if (!VERSION_PATTERN.test(version)) continue;
      const manifest = await this.#manifestOf(version);
      if (manifest !== undefined) views.push(await this.#viewOf(manifest));
    }
    return views.toSorted((a, b) => compareVersions(b.version, a.version));
  }

  add(
    { manifest: sha256, signature }: Parameters<ReleaseAdmin["add"]>[0],
    asker: Asker,
  ): Promise<ReleaseView> {
    return this.#changes.run(async () => {
      const { clock, store, random, keys } = this.#options;
      if (signature.length > MAX_SIGNATURE_BYTES) {
        throw new PiriError(
          "INVALID_ARGUMENT",
          `Cannot read the signature: it has ${signature.length} characters, and the limit is ${MAX_SIGNATURE_BYTES}`,
        );
      }
      const bytes = await this.#blob(sha256);
      const manifest = readSignedManifest(bytes, signature, keys());
      const { version } = manifest;
      await this.#requireSame(version, bytes);
      const act = { act: "AddRelease", on: [version] };
      await store.recordAudit(auditEntry(act, asker, clock));
      await makePrivateFolder(this.#options.dir);
      await makePrivateFolder(this.#path(version));
      for (const file of agentFiles(manifest)) await this.#take(version, file);
      const at = this.#path(version, SIGNATURE);
      await writeFileAtomically(at, signature, { random });
      // Last: a folder without a manifest is no release.
      await writeFileAtomically(this.#path(version, MANIFEST), bytes, {
        random,
      });
      return await this.#viewOf(manifest);
    });
  }

  remove(version: string, asker: Asker): Promise<void> {
    return this.#changes.run(async () => {
      const { clock, store } = this.#options;
      const known = VERSION_PATTERN.test(version) &&
        await exists(this.#path(version));
      if (!known) throw noRelease(version);
      const act = { act: "RemoveRelease", on: [version] };
      await store.recordAudit(auditEntry(act, asker, clock));
      try {
        await Deno.remove(this.#path(version, MANIFEST)).catch(() => {});
        await Deno.remove(this.#path(version), { recursive: true });
      } catch (error) {
        throw diskError(`remove release ${version}`, error);
      }
    });
  }

  /**
   * Reads a part of a file of a release; shorter at its end.
   *
   * @throws {PiriError} NOT_FOUND, DISK
   */
  async read(
    version: string,
    name: string,
    { offset, length }: { readonly offset: number; readonly length: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    // Both are parts of a path.
    if (!VERSION_PATTERN.test(version) || !/^\w[\w.-]*$/.test(name)) {
      throw noRelease(version);
    }
    try {
      using file = await Deno.open(this.#path(version, name));
      await file.seek(offset, Deno.SeekMode.Start);
      const buffer = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const count = await file.read(buffer.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      return buffer.subarray(0, filled);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        throw diskError(`read release ${version}`, error);
      }
      if (!await exists(this.#path(version, MANIFEST))) {
        throw noRelease(version);
      }
      throw new PiriError(
        "NOT_FOUND",
        `Cannot find "${name}" of version ${version}: the Manager does not have this file; repeat piri-manager release add`,
      );
    }
  }

  /** Takes a file that was uploaded, if there is one. */
  async #take(version: string, file: ManifestFile): Promise<void> {
    const path = this.#path(version, file.name);
    if (await isThere(path, file)) return;
    await this.#options.blobs.copyTo(file.sha256, path);
  }

  async #blob(sha256: string): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let offset = 0;; offset += PIECE_BYTES) {
      const part = await this.#options.blobs.read(sha256, {
        offset,
        length: PIECE_BYTES,
      });
      parts.push(part);
      if (part.length < PIECE_BYTES) break;
      if (offset < MAX_MANIFEST_BYTES) continue;
      throw new PiriError(
        "CORRUPT",
        `Cannot read the manifest: it is over the limit of ${MAX_MANIFEST_BYTES} bytes`,
      );
    }
    return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  }

  /** Two releases of one version cannot be told apart by those who run them. */
  async #requireSame(version: string, bytes: Uint8Array): Promise<void> {
    const known = await readIfThere(this.#path(version, MANIFEST));
    if (known === undefined || equal(known, bytes)) return;
    throw new PiriError(
      "ALREADY_EXISTS",
      `Cannot add release ${version}: there is another one of this version; remove it first, with piri-manager release remove ${version}`,
    );
  }

  async #manifestOf(version: string): Promise<Manifest | undefined> {
    const bytes = await readIfThere(this.#path(version, MANIFEST));
    return bytes === undefined ? undefined : readManifest(bytes);
  }

  async #viewOf(manifest: Manifest): Promise<ReleaseView> {
    const { version, commit, floor } = manifest;
    const files = [];
    for (const file of agentFiles(manifest)) {
      const { name, product, target, size, sha256 } = file;
      const isHere = await isThere(this.#path(version, name), file);
      files.push({ name, product, target, size, sha256, isHere });
    }
    return { version, commit, floor, files };
  }

  #path(version: string, name = ""): string {
    return join(this.#options.dir, version, name);
  }
}

function agentFiles({ files }: Manifest): ManifestFile[] {
  return files.filter(({ product, name }) =>
    AGENTS.test(product) && name !== MANIFEST && name !== SIGNATURE
  );
}

function noRelease(version: string): PiriError {
  return new PiriError(
    "NOT_FOUND",
    `Cannot find release "${
      version.slice(0, 100)
    }": the Manager has none of this version (piri-manager release list)`,
  );
}

async function isThere(
  path: string,
  { size }: Pick<ManifestFile, "size">,
): Promise<boolean> {
  try {
    return (await Deno.stat(path)).size === size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw diskError(`look for "${path}"`, error);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw diskError(`look for "${path}"`, error);
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw diskError(`read "${path}"`, error);
  }
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(dir));
    return entries.map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw diskError(`list "${dir}"`, error);
  }
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, at) => byte === other[at]);
}
