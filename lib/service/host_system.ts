import type { HostFiles } from "./host_files.ts";
import type { WindowsHost } from "./windows/windows_files.ts";

/** End of a program. */
export interface Ran {
  /** Exit code; 127 if there is no such program. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** System that services are installed on. */
export interface HostSystem {
  readonly os: typeof Deno.build.os;
  /** True for root. */
  readonly isRoot: boolean;
  readonly files: HostFiles;
  readonly env: (name: string) => string | undefined;
  /** Runs a program to its end, with times in UTC and texts in English. */
  readonly run: (program: string, ...args: readonly string[]) => Promise<Ran>;
  /**
   * Asks a process to restart without harm to commands: sends it SIGUSR1.
   *
   * @throws {PiriError} NOT_FOUND if it has ended; DENIED
   */
  readonly askToRestart: (pid: number) => void;
  /** Parts of Windows; undefined elsewhere. */
  readonly windows?: WindowsHost;
}
