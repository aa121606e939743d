import { PiriError } from "../base/errors.ts";

/** Names of the services, and of their executables. */
export type ServiceName = "piri-agent" | "piri-manager";

/** Whose service it is: the system's, or that of one user. */
export type Scope = "system" | "user";

/** Service as it should be installed. */
export interface ServicePlan {
  readonly name: ServiceName;
  /** Path of the executable. It stays the same from version to version. */
  readonly executable: string;
  /** Absolute path of the state folder. */
  readonly dir: string;
  readonly scope: Scope;
  /** User that it runs as; empty for the one whose service it is, which is root for that of the system. */
  readonly user: string;
  /** Group that it runs as; empty for that of the user. */
  readonly group: string;
  /** True if it listens on a port below 1024. */
  readonly hasLowPort: boolean;
  /** Path of the executable that looks before each start whether to go back a version; none if absent. */
  readonly guard?: string;
}

/** Step of a change, for the user. */
export interface Step {
  /** False for what was right before. */
  readonly done: boolean;
  readonly what: string;
}

/** A step by what was done, or what was right before. */
export function step(done: boolean, did: string, was: string): Step {
  return { done, what: done ? did : was };
}

/** Service as it is. */
export interface ServiceState {
  /** Path of its unit, script or property list; undefined if it is not installed. */
  readonly definition: string | undefined;
  /** State folder that the definition names. */
  readonly dir: string | undefined;
  /** Executable that the definition names. */
  readonly executable: string | undefined;
  /** True if it starts with the system. */
  readonly enabled: boolean;
  readonly running: boolean;
  readonly pid: number | undefined;
  /** Time of its last start, in milliseconds since 1970. */
  readonly since: number | undefined;
  /** Count of restarts that nobody asked for. */
  readonly restarts: number | undefined;
  /** Words of the service manager about its state, as "active (running)"; empty if there are none. */
  readonly detail: string;
}

/** Service manager of this host, for one service. */
export interface ServiceHost {
  readonly kind: "systemd" | "openrc" | "launchd" | "windows";
  readonly scope: Scope;
  /** Line that shows the log of the service. */
  readonly logLine: string;
  /**
   * Writes the definition and enables the service. Does not start it.
   *
   * @throws {PiriError} UNAVAILABLE if a program of the service manager fails; DENIED, DISK
   */
  install(plan: ServicePlan): Promise<readonly Step[]>;
  /** Stops and disables the service, and removes its definition. */
  uninstall(): Promise<readonly Step[]>;
  start(): Promise<readonly Step[]>;
  stop(): Promise<readonly Step[]>;
  restart(): Promise<readonly Step[]>;
  status(): Promise<ServiceState>;
}

/** State of a service that is not installed. */
export const NOT_INSTALLED: ServiceState = {
  definition: undefined,
  dir: undefined,
  executable: undefined,
  enabled: false,
  running: false,
  pid: undefined,
  since: undefined,
  restarts: undefined,
  detail: "",
};

/** Subcommand that the service runs. */
export function subcommandOf(name: ServiceName): string {
  return name === "piri-agent" ? "run" : "serve";
}

/** Title of the service, for people. */
export function titleOf(name: ServiceName): string {
  return name === "piri-agent" ? "Piri Agent" : "Piri Manager";
}

/** File without which the service cannot run. */
export function settingsFileOf(
  { name, dir }: Pick<ServicePlan, "name" | "dir">,
): string {
  return `${dir}/${name === "piri-agent" ? "agent.yaml" : "config.yaml"}`;
}

/** Words after the executable. The folder is left out where the program finds it by itself. */
export function argumentsOf(
  { name, dir, scope, user }: ServicePlan,
): readonly string[] {
  const finds = scope === "system" && user === "" && dir === `/var/lib/${name}`;
  return finds ? [subcommandOf(name)] : [subcommandOf(name), "--dir", dir];
}

/** Words of a line that runs the guard. */
export function guardWords(plan: ServicePlan, guard: string): string[] {
  const [, ...folder] = argumentsOf(plan);
  return [guard, "service", "guard", ...folder];
}

/**
 * Refuses paths that would be several lines of a definition.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function requireOneLine({ dir, executable }: ServicePlan): void {
  for (const path of [dir, executable]) {
    if (!/\p{Cc}/u.test(path)) continue;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot make a service for ${
        JSON.stringify(path)
      }: the path has control characters`,
    );
  }
}

/** State folder and executable of a definition, which has them in comments. */
export function readDefinition(
  text: string,
): Pick<ServiceState, "dir" | "executable"> {
  return {
    dir: /State folder: (.+?)(?: -->)?$/m.exec(text)?.[1],
    executable: /Executable: (.+?)(?: -->)?$/m.exec(text)?.[1],
  };
}

/** True if a guard runs before each start of a service. Only systemd runs one as root before a Manager. */
export function hasGuard(name: ServiceName, { kind }: ServiceHost): boolean {
  return name === "piri-agent" ? kind !== "launchd" : kind === "systemd";
}
