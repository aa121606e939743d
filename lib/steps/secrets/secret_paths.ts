import type { Disk } from "../../base/disk.ts";
import { PiriError } from "../../base/errors.ts";

/** Name of the file of paths. */
export const SECRET_PATHS_FILE = "secret-paths";

/** Most paths that are remembered: the oldest are forgotten. */
const MAX_PATHS = 10_000;
const MAX_BYTES = 64 * 1_048_576;

/**
 * Paths of files that steps with secrets have written on this host. A later state may name a file without its secret, and
 * the file still has it.
 */
export class SecretPaths {
  readonly #disk: Pick<Disk, "replace">;
  #all: ReadonlySet<string>;

  private constructor(
    disk: Pick<Disk, "replace">,
    all: ReadonlySet<string>,
  ) {
    this.#disk = disk;
    this.#all = all;
  }

  /**
   * Reads the paths.
   *
   * @throws {PiriError} CORRUPT, DISK
   */
  static async load(
    disk: Pick<Disk, "read" | "size" | "replace">,
  ): Promise<SecretPaths> {
    const size = await disk.size(SECRET_PATHS_FILE);
    if (size === 0) return new SecretPaths(disk, new Set());
    const bytes = await disk.read(
      SECRET_PATHS_FILE,
      0,
      Math.min(size, MAX_BYTES),
    );
    try {
      const { format, paths } = JSON.parse(new TextDecoder().decode(bytes));
      if (format === 1 && Array.isArray(paths)) {
        return new SecretPaths(disk, new Set(paths));
      }
    } catch {
      // Said below.
    }
    throw new PiriError(
      "CORRUPT",
      `Cannot read the paths of files with secrets: "${SECRET_PATHS_FILE}" in the agent's folder of steps is damaged, or of another version; remove it, and old lines of such files show in plans until they are written again`,
    );
  }

  /** All of them. */
  get all(): ReadonlySet<string> {
    return this.#all;
  }

  /** Adds paths, durably. */
  async add(paths: readonly string[]): Promise<void> {
    if (paths.every((path) => this.#all.has(path))) return;
    const all = [...new Set([...this.#all, ...paths])].slice(-MAX_PATHS);
    const text = JSON.stringify({ format: 1, paths: all });
    await this.#disk.replace(
      SECRET_PATHS_FILE,
      new TextEncoder().encode(text),
    );
    this.#all = new Set(all);
  }
}
