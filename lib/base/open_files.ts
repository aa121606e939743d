import { Turns } from "./turns.ts";

/** File that may be open. */
export interface OpenFile {
  file: Deno.FsFile | undefined;
}

interface UsedFile extends OpenFile {
  readonly turns: Turns;
  /** Count of calls that run or wait. */
  users: number;
}

/** Files that stay open between calls, up to a limit. Calls of one file take turns: a read is a seek and then a read. */
export class OpenFiles {
  readonly #limit: number;
  /** Files by name, least recently used first. */
  readonly #files = new Map<string, UsedFile>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs a task on a file in its turn. The task opens the file if needed, and it stays open afterwards. */
  async use<T>(
    name: string,
    task: (open: OpenFile) => Promise<T>,
  ): Promise<T> {
    const open = this.#files.get(name) ??
      { turns: new Turns(), file: undefined, users: 0 };
    this.#files.delete(name);
    this.#files.set(name, open);
    open.users++;
    try {
      return await open.turns.run(() => task(open));
    } finally {
      open.users--;
      if (open.file === undefined && open.users === 0) this.#files.delete(name);
      this.#closeIdle();
    }
  }

  /** Waits for all tasks and closes the files. */
  async close(): Promise<void> {
    const open = [...this.#files.values()];
    await Promise.all(open.map(({ turns }) => turns.run(() => {})));
    for (const file of open) closeFile(file);
    this.#files.clear();
  }

  #closeIdle(): void {
    for (const [name, open] of this.#files) {
      if (this.#files.size <= this.#limit) return;
      if (open.users > 0) continue;
      closeFile(open);
      this.#files.delete(name);
    }
  }
}

/** Closes a file if it is open. */
export function closeFile(open: OpenFile): void {
  open.file?.close();
  open.file = undefined;
}
