/**
 * Folder of files for the journal. Tests put a disk here that crashes.
 *
 * Names are flat: there are no subfolders. Appended bytes survive a power cut only once `sync` has resolved.
 */
export interface Disk {
  list(): Promise<string[]>;
  /** Size of the file in bytes, 0 if there is none. */
  size(name: string): Promise<number>;
  /** Reads up to `length` bytes from `offset`; fewer, or none, where the file ends. */
  read(
    name: string,
    offset: number,
    length: number,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Appends bytes to the file, creating it if there is none.
   *
   * @throws {PiriError} DISK; the file may then end in a part of the bytes.
   */
  append(name: string, bytes: Uint8Array): Promise<void>;
  /** Resolves once the file and its name would survive a power cut. */
  sync(name: string): Promise<void>;
  /** Replaces the file's content atomically and durably. */
  replace(name: string, bytes: Uint8Array): Promise<void>;
  /** Cuts the file to this size, in bytes. */
  truncate(name: string, size: number): Promise<void>;
  /** Removes the file. Does nothing if there is none. */
  remove(name: string): Promise<void>;
}
