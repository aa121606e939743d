import { createHash } from "node:crypto";
import { join } from "@std/path";
import { diskError, exists } from "../../base/files.ts";
import type {
  FileDigest,
  FolderFile,
  StateFile,
  StateReader,
} from "../../states/state_reader.ts";
import type { DataOwner } from "./layers.ts";
import { folderSafe, locate } from "./locate.ts";

const HASH_CHUNK_BYTES = 262_144;

/** Files of states, and files that their steps name, in a Manager's folder. */
export class StateFolder implements StateReader {
  readonly #dir: string;
  /** Hashes by path. A file that has changed is hashed again. */
  readonly #digests = new Map<
    string,
    FileDigest & { readonly stamp: string }
  >();

  /** Reads the folders states/ and files/ in a folder. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** File of a state by its path. Undefined if there is none, or it is no file inside of its folder. */
  open(path: string): Promise<StateFile | undefined> {
    const [folder = "", ...rest] = path.split("/");
    return this.#open(folder, rest.join("/"));
  }

  /** File that an agent gets by a name. */
  async find(
    { groups }: DataOwner,
    name: string,
  ): Promise<StateFile | undefined> {
    for (const folder of layersOf(groups)) {
      const file = await this.#open(`files/${folder}`, name);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  /** Files of a folder that an agent gets by a name. */
  async folder(
    { groups }: DataOwner,
    name: string,
  ): Promise<readonly FolderFile[] | undefined> {
    for (const layer of layersOf(groups)) {
      const folder = `files/${layer}/${name}`;
      const paths = await this.#filesIn(folder);
      if (paths.length === 0) continue;
      const files: FolderFile[] = [];
      for (const path of paths) {
        const below = path.slice(folder.length + 1);
        const file = await this.#open(`files/${layer}`, `${name}/${below}`);
        if (file !== undefined) files.push({ path: below, file });
      }
      return files;
    }
    return undefined;
  }

  /** Paths of all files of states, sorted. */
  async list(): Promise<readonly string[]> {
    const paths = await this.#filesIn("states");
    return paths.filter((path) => path.endsWith(".yaml"));
  }

  /** Paths of all files of custom operations, sorted. */
  async operationFiles(): Promise<readonly string[]> {
    const paths = await this.#filesIn("operations");
    return paths.filter((path) => path.endsWith(".ts"));
  }

  /** Paths of the files and folders that are for one agent alone, and are there. */
  async placesOf(agent: string): Promise<readonly string[]> {
    const own = folderSafe(agent);
    const found: string[] = [];
    for (
      const path of [
        `states/agents/${own}.yaml`,
        `states/agents/${own}`,
        `operations/agents/${own}`,
      ]
    ) {
      if (await exists(join(this.#dir, path))) found.push(path);
    }
    return found;
  }

  /** Paths of all files in a folder, sorted; none if there is no folder. */
  async #filesIn(folder: string): Promise<string[]> {
    const paths: string[] = [];
    for await (const { name, isDirectory, isFile } of this.#entries(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) paths.push(...await this.#filesIn(path));
      else if (isFile) paths.push(path);
    }
    return paths.toSorted();
  }

  async *#entries(folder: string): AsyncGenerator<Deno.DirEntry> {
    try {
      yield* Deno.readDir(join(this.#dir, folder));
    } catch (error) {
      if (
        error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.NotADirectory
      ) return;
      throw diskError(`read the folder "${folder}" on the Manager`, error);
    }
  }

  async #digest(
    path: string,
    { stamp, shown }: { readonly stamp: string; readonly shown: string },
  ): Promise<FileDigest> {
    const known = this.#digests.get(path);
    if (known?.stamp === stamp) return known;
    try {
      using file = await Deno.open(path);
      const hash = createHash("sha256");
      let size = 0;
      const chunk = new Uint8Array(HASH_CHUNK_BYTES);
      for (;;) {
        const count = await file.read(chunk);
        if (count === null) break;
        hash.update(chunk.subarray(0, count));
        size += count;
      }
      const digest = { stamp, sha256: hash.digest("hex"), size };
      this.#digests.set(path, digest);
      return digest;
    } catch (error) {
      throw diskError(`read "${shown}" on the Manager`, error);
    }
  }

  async #open(folder: string, name: string): Promise<StateFile | undefined> {
    const shown = `${folder}/${name}`;
    try {
      const located = await locate(join(this.#dir, folder), name);
      if (!("path" in located)) return undefined;
      const { path, info: { mtime, size, ino } } = located;
      const stamp = `${path} ${mtime?.getTime()} ${size} ${ino}`;
      return {
        path: shown,
        stamp,
        digest: () => this.#digest(path, { stamp, shown }),
        load: async () => {
          try {
            return await Deno.readFile(path);
          } catch (error) {
            throw diskError(`read "${shown}" on the Manager`, error);
          }
        },
      };
    } catch (error) {
      throw diskError(`read "${shown}" on the Manager`, error);
    }
  }
}

/** Folders of files/ that an agent gets files from, the first one that counts first. */
function layersOf(groups: readonly string[]): readonly string[] {
  const own = groups.toReversed().map((group) => `groups/${folderSafe(group)}`);
  return [...own, "all"];
}
