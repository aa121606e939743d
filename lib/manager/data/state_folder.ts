import { join } from "@std/path";
import { diskError } from "../../base/files.ts";
import type { StateFile, StateReader } from "../../states/state_reader.ts";
import type { DataOwner } from "./layers.ts";
import { folderSafe, locate } from "./locate.ts";

/** Files of states, and files that their steps name, in a Manager's folder. */
export class StateFolder implements StateReader {
  readonly #dir: string;

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
    const folders = groups.toReversed().map((group) =>
      `groups/${folderSafe(group)}`
    );
    for (const folder of [...folders, "all"]) {
      const file = await this.#open(`files/${folder}`, name);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  /** Paths of all files of states, sorted. */
  async list(): Promise<readonly string[]> {
    const paths: string[] = [];
    const visit = async (folder: string) => {
      for await (const { name, isDirectory, isFile } of this.#entries(folder)) {
        const path = `${folder}/${name}`;
        if (isDirectory) await visit(path);
        else if (isFile && name.endsWith(".yaml")) paths.push(path);
      }
    };
    await visit("states");
    return paths.toSorted();
  }

  async *#entries(folder: string): AsyncGenerator<Deno.DirEntry> {
    try {
      yield* Deno.readDir(join(this.#dir, folder));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw diskError(`read the folder "${folder}" on the Manager`, error);
    }
  }

  async #open(folder: string, name: string): Promise<StateFile | undefined> {
    const shown = `${folder}/${name}`;
    try {
      const located = await locate(join(this.#dir, folder), name);
      if (!("path" in located)) return undefined;
      const { path, info: { mtime, size, ino } } = located;
      return {
        path: shown,
        stamp: `${path} ${mtime?.getTime()} ${size} ${ino}`,
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
