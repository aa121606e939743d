import { encodeHex } from "@std/encoding/hex";
import { dirname, join, resolve } from "@std/path";
import { concat } from "@std/bytes/concat";
import { PiriError } from "../../base/errors.ts";
import { diskError } from "../../base/files.ts";
import { sha256 } from "../../base/sha256.ts";
import type { SheetModule, TreeFile } from "../../steps/sheet.ts";
import { blobPieces, type BlobSource } from "../blob_reader.ts";

/** Number of sets of modules that are kept. */
const MAX_KEPT = 20;

/** Folder with the files of modules. */
export interface ModuleFolder extends AsyncDisposable {
  readonly path: string;
}

/** Place of a folder of modules. */
export interface ModuleFolderOptions {
  /** Folder in which files are kept for later runs; none are if absent. */
  readonly kept: string | undefined;
  readonly source: BlobSource;
}

/**
 * Puts the files of modules into a folder. Those that are there already are checked.
 *
 * @throws {PiriError} CORRUPT for a file that is not what its hash says; INVALID_ARGUMENT; DISK
 */
export async function openModuleFolder(
  modules: readonly SheetModule[],
  { kept, source }: ModuleFolderOptions,
): Promise<ModuleFolder> {
  const files = filesOf(modules);
  if (kept === undefined) {
    // Others may read it: the user that the operations run as does.
    const path = await Deno.makeTempDir({ prefix: "piri-modules-" })
      .catch((error) => {
        throw diskError("make a folder for custom operations", error);
      });
    const remove = () => Deno.remove(path, { recursive: true });
    try {
      await Deno.chmod(path, 0o755);
      await fill(path, files, {
        source,
        modes: { folder: 0o755, file: 0o644 },
      });
    } catch (error) {
      await remove();
      throw error;
    }
    return { path, [Symbol.asyncDispose]: remove };
  }
  const names = [...files.values()].map(({ path, sha256 }) => [path, sha256]);
  const key = encodeHex(sha256(JSON.stringify(names))).slice(0, 24);
  // The state folder may be given as a relative path, and permissions of threads are about absolute ones.
  const path = resolve(kept, key);
  await fill(path, files, { source, modes: { folder: 0o700, file: 0o600 } });
  await Deno.utime(path, new Date(), new Date());
  await dropOldest(kept);
  return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** Path of a source as it is called on the agent, where there are no types. */
export function scriptPath(path: string): string {
  return path.replace(/\.ts$/, ".js");
}

function filesOf(
  modules: readonly SheetModule[],
): ReadonlyMap<string, TreeFile> {
  const files = new Map<string, TreeFile>();
  for (const file of modules.flatMap((module) => module.files)) {
    const path = scriptPath(file.path);
    const other = files.get(path);
    if (other !== undefined && other.sha256 !== file.sha256) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot run custom operations: the sheet has two files "${path}"`,
      );
    }
    files.set(path, file);
  }
  return files;
}

async function fill(
  folder: string,
  files: ReadonlyMap<string, TreeFile>,
  { source, modes }: {
    readonly source: BlobSource;
    readonly modes: { readonly folder: number; readonly file: number };
  },
): Promise<void> {
  for (const [name, { sha256: hash, size }] of files) {
    const path = join(folder, name);
    if (await hashOf(path) === hash) continue;
    const code = await load(hash, size, source);
    try {
      await Deno.mkdir(dirname(path), { recursive: true, mode: modes.folder });
      // Under another name first: a file that was cut short must not be there.
      await Deno.writeFile(`${path}.new`, code, { mode: modes.file });
      await Deno.rename(`${path}.new`, path);
    } catch (error) {
      throw diskError(`write "${path}"`, error);
    }
  }
}

async function load(
  hash: string,
  size: number,
  source: BlobSource,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of blobPieces(hash, source)) {
    length += piece.length;
    if (length > size) break;
    pieces.push(piece);
  }
  const code = concat(pieces);
  if (length === size && encodeHex(sha256(code)) === hash) return code;
  throw new PiriError(
    "CORRUPT",
    `Cannot run custom operations: the Manager sent another file than ${hash}`,
  );
}

async function hashOf(path: string): Promise<string | undefined> {
  try {
    return encodeHex(sha256(await Deno.readFile(path)));
  } catch {
    return undefined;
  }
}

async function dropOldest(folder: string): Promise<void> {
  const all: { path: string; time: number }[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const path = join(folder, name);
    const { mtime } = await Deno.stat(path);
    all.push({ path, time: mtime?.getTime() ?? 0 });
  }
  const old = all.toSorted((one, other) => other.time - one.time)
    .slice(MAX_KEPT);
  for (const { path } of old) await Deno.remove(path, { recursive: true });
}
