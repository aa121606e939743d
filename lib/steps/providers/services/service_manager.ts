import type { HostReader } from "../../host/host.ts";

/** Facts about a service, as its manager tells them. */
export interface ServiceFacts {
  /** Own name of the service. */
  readonly id: string;
  /** All names by which steps may mean it. */
  readonly names: readonly string[];
  readonly isThere: boolean;
  readonly isUp: boolean;
  /** True if it neither runs nor is about to, as one that is started again and again. */
  readonly isDown: boolean;
  /** State in words for people, as: failed (exit-code). */
  readonly status: string;
  /** True if it starts with the host; undefined if its manager cannot be told to, or not to. */
  readonly enabled: boolean | undefined;
  /** Runlevels that it is in, where there are such. */
  readonly runlevels?: readonly string[];
  /** Reason for which `enabled` is undefined. */
  readonly whyFixed?: string;
  readonly isMasked: boolean;
  /** True if its own conditions keep it from being started. */
  readonly isUnmet?: true;
  /** Word for what is wrong with its files, so that its manager cannot use it. */
  readonly flaw?: string;
  readonly canReload: boolean;
  /** True if its files are newer than what its manager has read. */
  readonly isStale: boolean;
  /** True if its manager has it in memory, so that it can be stale. */
  readonly isLoaded: boolean;
  /** Files that define it. */
  readonly files: readonly string[];
  /** Mark of its last start, another one after each. */
  readonly start: string;
}

/** Acts of a service manager on one service. */
export type ServiceAct =
  | "start"
  | "stop"
  | "restart"
  | "reload"
  | "enable"
  | "disable"
  | "mask"
  | "unmask";

/** Program that starts and stops services. */
export interface ServiceManager {
  readonly kind: "systemd" | "OpenRC";
  /** False where it is installed and does not run, as in a folder that is the root of an image. */
  readonly runs: boolean;
  /** Acts that it has. */
  readonly acts: ReadonlySet<ServiceAct>;
  /**
   * Full name of a service.
   *
   * @throws {PiriError} INVALID_ARGUMENT
   */
  nameOf(name: string): string;
  /** Facts about a service as it is now, from a table of all that may be a little older where the manager has one. */
  find(name: string, reader: HostReader): Promise<ServiceFacts>;
  /** The same, asked right now: services end by themselves. */
  findNow(name: string, reader: HostReader): Promise<ServiceFacts>;
  /** Files of a service that steps may write, where its manager looks for them, the first that counts in front. */
  definitions(name: string): readonly string[];
  /** Folder of files that add to those of a service; undefined if it has none. */
  additions(name: string): string | undefined;
  /** Command for an act. */
  command(act: ServiceAct, facts: ServiceFacts): readonly string[];
  /** Command that makes it read all files anew; undefined if it does so by itself. */
  readonly rereads: readonly string[] | undefined;
  /** Last lines that a service logged, the newest at the end. */
  lastLines(facts: ServiceFacts, reader: HostReader): Promise<string[]>;
  /** Services that it needs and that do not run, with their states in words. */
  obstacles(facts: ServiceFacts, reader: HostReader): Promise<string[]>;
}

/** Runs a command of a service manager, with words that do not depend on the host's language. */
export function inNeutralWords(argv: readonly string[]): {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
} {
  return { argv, env: { LC_ALL: "C.UTF-8", SYSTEMD_PAGER: "" } };
}
