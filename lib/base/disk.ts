/**
 * A folder of files, as the journal needs it. The seam at which tests crash.
 *
 * Names are flat. What was appended is only sure to be there after a power cut once `sync` has resolved.
 */
export interface Disk {
  list(): Promise<string[]>;
  /** The file's size in bytes, 0 if there is none. */
  size(name: string): Promise<number>;
  /** Up to `length` bytes from `offset`; fewer, or none, where the file ends. */
  read(
    name: string,
    offset: number,
    length: number,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Puts bytes at the file's end, making the file if there is none.
   *
   * @throws {PiriError} DISK; the file may then end in a part of the bytes.
   */
  append(name: string, bytes: Uint8Array): Promise<void>;
  /** Resolves when the file, its name included, would survive a power cut. */
  sync(name: string): Promise<void>;
  /** Makes the file have exactly this content, as if at once, and durably. */
  replace(name: string, bytes: Uint8Array): Promise<void>;
  /** Cuts the file to this size. */
  truncate(name: string, size: number): Promise<void>;
  /** Takes the file away; fine if there is none. */
  remove(name: string): Promise<void>;
}
