import { dirname, join } from "@std/path";

/** Temporary folder of a test; disposing removes it. */
export class TempFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** Creates it in the system's folder for temporary files, or in another one. */
  static async make(options: { dir?: string } = {}): Promise<TempFolder> {
    const path = await Deno.makeTempDir({ prefix: "piri-test-", ...options });
    // On macOS the temporary folder is a link.
    return new TempFolder(await Deno.realPath(path));
  }

  /** Path of an entry in it. */
  at(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  /** Writes a file, and creates the folders above it. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.at(name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
