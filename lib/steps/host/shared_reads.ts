/** Table of a host that many steps look at, such as all packages. */
export interface HostTable {
  readonly name: string;
  /** Files and folders that it comes from: it is read anew once one of them was written. */
  readonly paths: readonly string[];
}

/** Part of a host that the looks of all steps of a run have in common. */
export class SharedReads {
  /** User and group of the agent. */
  readonly self = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
  /** Paths whose name and kind may be looked at, until something may have changed. */
  readonly judged = new Set<string>();
  #age = 0;
  readonly #tables = new Map<
    string,
    { readonly paths: readonly string[]; readonly rows: Promise<unknown> }
  >();

  /** Count of the times that all was forgotten. */
  get age(): number {
    return this.#age;
  }

  /** Reads a table, or takes what was read. A read that fails is made again. */
  async read<T>(
    { name, paths }: HostTable,
    read: () => Promise<T>,
  ): Promise<T> {
    const known = this.#tables.get(name);
    if (known !== undefined) return await known.rows as T;
    const rows = read();
    const table = { paths, rows };
    this.#tables.set(name, table);
    try {
      return await rows;
    } catch (error) {
      if (this.#tables.get(name) === table) this.#tables.delete(name);
      throw error;
    }
  }

  /** Forgets what comes from a path that was written. */
  forget(written: string): void {
    this.judged.clear();
    for (const [name, { paths }] of this.#tables) {
      if (paths.some((path) => isInside(written, path))) {
        this.#tables.delete(name);
      }
    }
  }

  /** Forgets all, as after a program that may have changed anything. */
  forgetAll(): void {
    this.#age++;
    this.judged.clear();
    this.#tables.clear();
  }
}

/** True for a folder itself, and for what is below it. */
function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
