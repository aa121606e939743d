import type { StateOwner } from "./state_files.ts";
import type { FolderFile, StateFile, StateReader } from "./state_reader.ts";

/** File that a compilation asked for. */
interface RecordedFile {
  readonly path: string;
  /** Stamp that it had; undefined if it was not there. */
  readonly stamp: string | undefined;
  /** Stamp of the file in the same place for an agent; undefined if there is none. */
  stampFor(owner: StateOwner): Promise<string | undefined>;
}

/** Files that a compilation asked for, in the order of the questions. */
export type Records = readonly RecordedFile[];

/** Reader that notes which files were asked for. */
export class RecordedReader implements StateReader {
  readonly #reader: StateReader;
  #records: RecordedFile[] = [];

  constructor(reader: StateReader) {
    this.#reader = reader;
  }

  /** Begins a new list of files, and gives it; it grows with each question. */
  start(): Records {
    this.#records = [];
    return this.#records;
  }

  /** Opens a file, and notes it. */
  async open(path: string): Promise<StateFile | undefined> {
    const file = await this.#reader.open(path);
    this.#records.push({
      path,
      stamp: file?.stamp,
      stampFor: async (owner) =>
        (await this.#reader.open(forOwner(path, owner)))?.stamp,
    });
    return file;
  }

  /** Finds a file, and notes it. */
  async find(owner: StateOwner, name: string): Promise<StateFile | undefined> {
    const file = await this.#reader.find(owner, name);
    this.#records.push({
      path: name,
      stamp: file?.stamp,
      stampFor: async (other) => (await this.#reader.find(other, name))?.stamp,
    });
    return file;
  }

  /** Finds a folder, and notes it. */
  async folder(
    owner: StateOwner,
    name: string,
  ): Promise<readonly FolderFile[] | undefined> {
    const files = await this.#reader.folder(owner, name);
    this.#records.push({
      path: name,
      stamp: stampOf(files),
      stampFor: async (other) =>
        stampOf(await this.#reader.folder(other, name)),
    });
    return files;
  }

  /** Lists the files of states. */
  list(): Promise<readonly string[]> {
    return this.#reader.list();
  }

  /** Lists the files of custom operations. */
  operationFiles(): Promise<readonly string[]> {
    return this.#reader.operationFiles();
  }
}

function stampOf(files: readonly FolderFile[] | undefined): string | undefined {
  return files === undefined
    ? undefined
    : JSON.stringify(files.map(({ path, file }) => [path, file.stamp]));
}

/** Path of the same layer for another agent. */
function forOwner(path: string, { id }: StateOwner): string {
  return path.replace(
    /^(states|operations)\/agents\/.+?(?=\.yaml$|\/)/,
    (_, folder) => `${folder}/agents/${id}`,
  );
}
