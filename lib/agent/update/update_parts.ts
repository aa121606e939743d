import type { Clock } from "../../base/clock.ts";
import type { MinisignKey } from "../../base/minisign.ts";
import type { HostFiles } from "../../service/host_files.ts";
import type { Ran } from "../../service/host_system.ts";
import type { Installed } from "../../update/slot_links.ts";

/** Means by which an agent replaces itself. */
export interface UpdateParts {
  readonly files: HostFiles;
  /** State folder. */
  readonly dir: string;
  readonly clock: Clock;
  /** Version of the running agent. */
  readonly version: string;
  /** Kind of executable, as manifests name it: "piri-agent" and "linux-x64". */
  readonly product: string;
  readonly target: string;
  /** Path of the running executable, without links. */
  readonly executable: string;
  readonly installed: Installed;
  /** True if something starts the agent again when it ends. */
  readonly isRestarted: boolean;
  /** False if the owner of the host lets nobody else replace the agent. */
  readonly isAllowed: () => boolean;
  /** Keys that may sign a release. */
  readonly keys: () => readonly MinisignKey[];
  /** Free bytes of the file system of a path; undefined if it cannot be told. */
  readonly freeBytes: (path: string) => Promise<number | undefined>;
  /** Runs a program to its end, or ends it after a while. */
  readonly run: (program: string, ...args: readonly string[]) => Promise<Ran>;
  /** Newest lines of the log of this service since a time; may be empty. */
  readonly lastLines: (since: number) => Promise<string>;
  /** Starts a guard that stays until the trial is over; absent where one runs before each start. */
  readonly watch?: () => void;
  /** Ends this agent, so that it is started again. */
  readonly restart: (cause: string) => void;
}
