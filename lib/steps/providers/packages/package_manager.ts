import type { HostReader, HostWriter, StepProgram } from "../../host/host.ts";
import type { PackageMove, PackageTable } from "./package_table.ts";

/** Package to install; the newest version if none is given, which may have `*` for any characters in it. */
export interface WantedPackage {
  readonly name: string;
  readonly version?: string;
}

/** Choices for a transaction. */
export interface TransactionOptions {
  /** True to install what is recommended as well, false not to; as the host is set up if absent. */
  readonly recommends?: boolean | undefined;
  /** More options of the program, each beginning with a hyphen. */
  readonly options?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** True if older versions than the installed ones may be installed. */
  readonly downgrades?: boolean | undefined;
  /** True if packages that are held may be changed. */
  readonly changesHeld?: boolean | undefined;
  /** True if nothing may be removed for it. */
  readonly keepsAll?: boolean | undefined;
}

/** Transaction of a package manager. */
export type Transaction =
  | ({
    readonly kind: "install";
    readonly packages: readonly WantedPackage[];
  } & TransactionOptions)
  | ({
    readonly kind: "remove";
    readonly names: readonly string[];
    /** True to remove settings and data as well. */
    readonly purge?: boolean | undefined;
    /** True to remove what was installed for others and is not needed any more. */
    readonly autoremove?: boolean | undefined;
  } & TransactionOptions)
  | ({
    readonly kind: "upgrade";
    readonly except: readonly string[];
    /** Versions to upgrade to, if they were chosen before. */
    readonly packages?: readonly WantedPackage[] | undefined;
  } & TransactionOptions);

/** Repository of packages, as a step wants it. */
export interface WantedRepository {
  readonly name: string;
  readonly url: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly enabled: boolean;
  /** Path of its key on the host. */
  readonly keyPath?: string | undefined;
}

/** Means of a package manager for repositories that are files. */
export interface RepositoryFiles {
  /** Path of the file of a repository. */
  pathOf(name: string): string;
  /** Path of its key. */
  keyPathOf(name: string, isArmored: boolean): string;
  /** @throws {PiriError} INVALID_ARGUMENT if it lacks what this manager needs */
  textOf(repository: WantedRepository): string;
  /** True if its file must be in place for that. */
  readonly readsInPlace?: true;
  /** Program that reads the lists of the repository alone, whose file is at this path. */
  refresh(path: string, name: string): StepProgram;
}

/** Program of a host that installs packages. */
export interface PackageManager {
  /** Name for people, as apt. */
  readonly name: string;
  /** Names of packages that it can be given. */
  readonly names: RegExp;
  /** Files whose lock it takes, if a holder of it can be seen there. */
  readonly locks: readonly string[];
  /** File that is there as long as it works, if it has such a one. */
  readonly lockFile?: string;
  readonly repositories?: RepositoryFiles;
  /** Reads all packages of the host by one query, once for all steps. */
  installed(reader: HostReader): Promise<PackageTable>;
  /**
   * Asks what a transaction would do. Changes nothing.
   *
   * @throws {PiriError} FAILED_PRECONDITION with its own words if it cannot be done
   */
  simulate(
    transaction: Transaction,
    reader: HostReader,
  ): Promise<readonly PackageMove[]>;
  /** Shorter forms of a version by which people may name it, as without its release. None if absent. */
  forms?(version: string): readonly string[];
  /** Programs that carry a transaction out, one after another. */
  programs(transaction: Transaction): readonly StepProgram[];
  /** Programs that hold packages, or end that. Undefined if it cannot hold any. */
  hold?(names: readonly string[], held: boolean): readonly StepProgram[];
  /** Program that finishes what was left half done. */
  readonly repair?: StepProgram;
  /** Time of the last reading of the lists, in milliseconds since 1970; undefined if they were never read. */
  listsRead(reader: HostReader): Promise<number | undefined>;
  /** Program that reads the lists anew. */
  readonly refresh: StepProgram;
  /** Restores, after a transaction, what is known of packages only before it. */
  keepMarks?(writer: HostWriter): Promise<() => Promise<void>>;
}
