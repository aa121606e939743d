/** File of the Manager's folder as a compilation sees it. */
export interface StateFile {
  /** Path below the Manager's folder, with slashes: it stands in errors. */
  readonly path: string;
  /** Identifies the file and its content: the same stamp is the same content. */
  readonly stamp: string;
  /** Content of the file. */
  load(): Promise<Uint8Array>;
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
  /** Paths of all files of states, as states/all/base/time.yaml. */
  list(): Promise<readonly string[]>;
}
