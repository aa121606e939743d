/** File of the Manager's folder as a compilation sees it. */
export interface StateFile {
  /** Path below the Manager's folder, with slashes: it stands in errors. */
  readonly path: string;
  /** Identifies the file and its content: the same stamp is the same content. */
  readonly stamp: string;
  /** Content of the file. */
  load(): Promise<Uint8Array>;
  /** Hash and size of the content, without holding all of it in memory. */
  digest(): Promise<FileDigest>;
}

/** Hash and size of a file. */
export interface FileDigest {
  /** SHA-256 in hex digits. */
  readonly sha256: string;
  /** Size in bytes. */
  readonly size: number;
}

/** File of a folder. */
export interface FolderFile {
  /** Path below the folder, with slashes. */
  readonly path: string;
  readonly file: StateFile;
}

/** Place of the files that states are made of. */
export interface StateReader {
  /** File by its path below the Manager's folder, as states/all.yaml. Undefined if there is none. */
  open(path: string): Promise<StateFile | undefined>;
  /**
   * File that an agent gets by a name, as nginx/site.conf: from files/groups/ of its groups, the last one first, then
   * from files/all/. Undefined if there is none.
   */
  find(
    agent: { readonly id: string; readonly groups: readonly string[] },
    name: string,
  ): Promise<StateFile | undefined>;
  /**
   * Files of a folder that an agent gets by a name, sorted by their paths. It is taken whole from the first place that
   * has it. Undefined if there is none.
   */
  folder(
    agent: { readonly id: string; readonly groups: readonly string[] },
    name: string,
  ): Promise<readonly FolderFile[] | undefined>;
  /** Paths of all files of states, as states/all/base/time.yaml. */
  list(): Promise<readonly string[]>;
  /** Paths of all files of custom operations, as operations/nginx.ts. */
  operationFiles(): Promise<readonly string[]>;
}
