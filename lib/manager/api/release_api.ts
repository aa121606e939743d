import type { Asker } from "../../base/asker.ts";

/** File of a release. */
export interface ReleaseFileView {
  /** Name of the file. */
  readonly name: string;
  /** Kind of executable, as "piri-agent". */
  readonly product: string;
  /** Kind of machine, as "linux-x64". */
  readonly target: string;
  /** Size in bytes. */
  readonly size: number;
  /** SHA-256 in hex digits. */
  readonly sha256: string;
  /** True if the Manager has it. */
  readonly isHere: boolean;
}

/** Release that agents can be updated to. */
export interface ReleaseView {
  /** Version of the release. */
  readonly version: string;
  /** Commit that it was built at. */
  readonly commit: string;
  /** Lowest version that may still be run. */
  readonly floor: string;
  /** Executables of agents. */
  readonly files: readonly ReleaseFileView[];
}

/** Releases that the Manager keeps for its agents. */
export interface ReleaseAdmin {
  /**
   * Lists the releases, the highest version first.
   *
   * @throws {PiriError} DENIED, DISK
   */
  list(): Promise<ReleaseView[]>;
  /**
   * Keeps a release, with the files that were uploaded as blobs. The others can follow by another call.
   *
   * @param release Manifest, which was uploaded as a blob, by its SHA-256, and the text of its signature.
   * @param asker Who asks.
   * @returns The release, which tells the files that are missing.
   * @throws {PiriError} AUTH_FAILED if none of the known keys has signed it; CORRUPT; NOT_FOUND if the manifest was not
   * uploaded; ALREADY_EXISTS if there is another release of this version; DISK
   */
  add(
    release: { readonly manifest: string; readonly signature: string },
    asker: Asker,
  ): Promise<ReleaseView>;
  /**
   * Removes a release.
   *
   * @throws {PiriError} NOT_FOUND; DENIED, DISK
   */
  remove(version: string, asker: Asker): Promise<void>;
}
