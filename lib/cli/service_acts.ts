/** Step of a change. */
export interface ServiceStep {
  /** False for what was right before. */
  readonly done: boolean;
  readonly what: string;
}

/** Changes that were made, and what the user should know. */
export interface ServiceReport {
  /** Service manager of this host. */
  readonly manager: string;
  readonly steps: readonly ServiceStep[];
  /** Lines about what comes next. */
  readonly hints: readonly string[];
}

/** Service of this program. */
export interface ServiceStatus {
  readonly manager: string;
  /** Whose service it is. */
  readonly scope: "system" | "user";
  /** Path of its unit, script or property list; undefined if it is not installed. */
  readonly definition: string | undefined;
  readonly enabled: boolean;
  readonly running: boolean;
  readonly pid: number | undefined;
  /** Time of its last start, in milliseconds since 1970. */
  readonly since: number | undefined;
  /** Count of restarts that nobody asked for. */
  readonly restarts: number | undefined;
  /** Words of the service manager about its state. */
  readonly detail: string;
  readonly installation: "slots" | "package" | undefined;
  readonly executable: string | undefined;
  readonly stateDir: string;
  readonly versionOnDisk: string | undefined;
  /** Running process, by its own words. */
  readonly process: {
    readonly version: string;
    /** Null in a Manager. */
    readonly connected: boolean | null;
    readonly detail: string;
    /** True if its file was replaced since it has started. */
    readonly replaced?: boolean;
  } | undefined;
  /** Last switch to another version; undefined if there was none, or it is not known. */
  readonly update: ServiceUpdate | undefined;
  /** Line that shows the log. */
  readonly logLine: string;
}

/** Switch of a service to another version. */
export interface ServiceUpdate {
  readonly from: string;
  readonly to: string;
  /** `back` until the version before has taken that up, and `failed` from then on. */
  readonly state: "trial" | "back" | "failed" | "confirmed";
  /** Count of starts on trial. */
  readonly starts: number;
  /** End of the trial, in milliseconds since 1970. */
  readonly deadline: number;
  /** Reason of a way back; empty if there is none. */
  readonly reason: string;
  /** Words about why it is not confirmed, or cannot go back; may be empty. */
  readonly detail: string;
}

/** Acts on the service of this program. Each throws UNAVAILABLE on a host without a service manager. */
export interface ServiceActs {
  /**
   * Copies the program to its place. `install` does so itself.
   *
   * @throws {PiriError} FAILED_PRECONDITION for a program that runs from source
   */
  copyProgram(): Promise<readonly ServiceStep[]>;
  /** Installs the service, and does not start it. What is right is left alone. */
  install(options: {
    readonly dir: string;
    readonly user?: string | undefined;
    /** True if the program was copied to its place. */
    readonly isCopied?: boolean;
    /** Manager: time for which another version has to work until it is confirmed, in milliseconds. */
    readonly confirmMs?: number | undefined;
    /** Manager: true if a lower version may take over. */
    readonly allowDowngrade?: boolean;
  }): Promise<ServiceReport>;
  /** Stops and removes the service and the program. */
  uninstall(
    options: { readonly dir: string; readonly purge: boolean },
  ): Promise<ServiceReport & { readonly stateDir: string }>;
  start(): Promise<ServiceReport>;
  stop(): Promise<ServiceReport>;
  restart(): Promise<ServiceReport>;
  /**
   * Restarts the service as the version that is installed, and waits until its trial has ended.
   *
   * @throws {PiriError} FAILED_PRECONDITION if it was given up; TIMED_OUT if nothing is decided in time
   */
  restartOnTrial(dir: string): Promise<ServiceReport>;
  /**
   * Lets the service restart as soon as it runs no command, and waits for that.
   *
   * @throws {PiriError} TIMED_OUT if it is not by then; UNSUPPORTED
   */
  restartWhenIdle(dir: string, ms: number): Promise<ServiceReport>;
  status(dir: string): Promise<ServiceStatus>;
  /**
   * Waits until the agent is connected, and returns the address of its Manager.
   *
   * @throws {PiriError} UNAVAILABLE with the reason if it is not in time
   */
  waitUntilConnected(dir: string, ms: number): Promise<string>;
}

/** Services of a program that can be a service of the system. */
export interface WithService {
  /** Service of this program, loaded when it is asked for. */
  readonly service: () => Promise<ServiceActs>;
}

/** Service that Windows has started, and its words with Windows. */
export interface WindowsLife {
  /** Calls back at each request of this kind. */
  onRequest(
    request: "stop" | "reload" | "restart",
    callback: () => void,
  ): Disposable;
  ready(): void;
  stopping(): void;
  /** Writes an event to the log of Windows. */
  report(kind: "error" | "information", text: string): void;
}

/** Services of a program that Windows can start as its service. */
export interface WithWindowsService {
  /**
   * Lets this process be the service that Windows has started it for, until `live` has ended. Returns its exit code.
   *
   * @throws {PiriError} FAILED_PRECONDITION if Windows has not started it; UNSUPPORTED on other systems
   */
  readonly asWindowsService: (
    live: (life: WindowsLife) => Promise<number>,
  ) => Promise<number>;
}
