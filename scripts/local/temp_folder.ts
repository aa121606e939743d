import { join } from "@std/path";

/** Temporary folder of a script; disposing removes it. */
export class TempFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(prefix: string): Promise<TempFolder> {
    const path = await Deno.makeTempDir({ prefix });
    // On macOS the temporary folder is a link.
    return new TempFolder(await Deno.realPath(path));
  }

  /** Path of an entry in it. */
  at(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
