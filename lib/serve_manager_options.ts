import type { Address } from "./base/address.ts";
import type { Clock } from "./base/clock.ts";
import type { LogOptions } from "./base/log_options.ts";
import type { Random } from "./base/random.ts";
import type { Reload } from "./base/reload.ts";
import type { Manager } from "./manager/api/operator_api.ts";

/** Folder, time, randomness and log of a Manager. */
export interface ServeManagerOptions {
  /** State folder, made by `piri-manager init`. */
  readonly dir: string;
  /** Source of time: `systemClock` but in tests. */
  readonly clock: Clock;
  /** Source of randomness: `systemRandom` but in tests. */
  readonly random: Random;
  /** Starts the log with the options of config.yaml. Called before anything is logged, and at each reload. */
  readonly startLog?: (configured: LogOptions) => Promise<void>;
  /** Puts a plain-TCP front before the connections, even if config.yaml does not. */
  readonly guard?: boolean;
  /** Address for agents instead of the one in config.yaml. */
  readonly listen?: Address | undefined;
  /** Address for operators on other machines instead of the one in config.yaml. */
  readonly controlListen?: Address | undefined;
  /**
   * True if it stops soon and nobody knows when the next one starts, as in a CI job. Agents then dial more rarely while
   * it is away.
   */
  readonly brief?: boolean;
  /** Trial of this version, if it is on trial. */
  readonly trial?: {
    /** Version of the schema of the copy that leads back to the version before; undefined if there is none. */
    readonly schema: number | undefined;
    /**
     * Notes that something may be accepted from now on. Called once before that, with the count of agents that were
     * connected when the last Manager ended; if it throws, nothing is accepted.
     */
    opens(agents: number): Promise<void>;
  } | undefined;
  /**
   * Called with true before the database is copied and its schema changed, which takes as long as its size demands, and
   * with false once it is open.
   */
  readonly onUpgrade?: (isOn: boolean) => void;
  /** Thread for the database that was started before: it reads its code while this one reads its own. */
  readonly storeWorker?: Worker | undefined;
  /** False if its database is gone with it, so that its audit begins anew at each start. */
  readonly hasHistory?: boolean;
}

/** Running Manager. */
export interface RunningManager extends AsyncDisposable {
  /** Address for agents, "host:port", with the actual port. */
  readonly listen: string;
  /** Port for agents. */
  readonly port: number;
  /** Address of the control API: the path of a socket, or a URL. */
  readonly control: string;
  /** Address for operators on other machines, "host:port", with the actual port; undefined if there is none. */
  readonly controlPort: string | undefined;
  /** The Manager itself, for callers in this process. */
  readonly manager: Manager;
  /**
   * Reads config.yaml again. What can be changed while the Manager runs holds from then on, and no connection ends.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a mistake in the file, NOT_FOUND, DENIED, DISK: the old settings stay
   */
  reload(): Promise<Reload>;
  /** Stops the Manager: tells agents to come back, finishes answers, and closes the database. */
  stop(): Promise<void>;
}
