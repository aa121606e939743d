/** State of a service by the words of Windows. */
export type WindowsServiceState =
  | "stopped"
  | "starts"
  | "stops"
  | "running"
  | "pausing";

/** Service as Windows has it. */
export interface WindowsServiceFacts {
  /** Line that starts it. */
  readonly commandLine: string;
  /** User that it runs as. */
  readonly account: string;
  readonly displayName: string;
  /** True if it starts with the system. */
  readonly isAutomatic: boolean;
  readonly state: WindowsServiceState;
  readonly pid: number | undefined;
  /** Code of its last end; 0 if that was asked for, or while it runs. */
  readonly exitCode: number;
}

/** Service as Windows should have it. */
export interface WindowsServiceDefinition {
  readonly commandLine: string;
  /** User that it runs as, as LocalSystem. */
  readonly account: string;
  readonly displayName: string;
  readonly description: string;
  /** Line that is run after the third failure of a day and all others; a new start if absent. */
  readonly recoveryLine?: string | undefined;
}

/** Services of a Windows. Each call throws DENIED without the rights of an administrator, else UNAVAILABLE. */
export interface WindowsServices {
  /** Reads a service; undefined if there is none. */
  read(name: string): WindowsServiceFacts | undefined;
  /** Makes a service that starts with the system and is started again after a failure. */
  create(name: string, definition: WindowsServiceDefinition): void;
  /** Changes a service. A running one keeps on until it is started anew. */
  change(name: string, definition: WindowsServiceDefinition): void;
  /** Lets Windows start a service by another line from its next start on. */
  setCommandLine(name: string, commandLine: string): void;
  /** Starts a service and waits until it runs, or has ended. */
  start(name: string): Promise<void>;
  /** Stops a service and waits until it has ended. */
  stop(name: string): Promise<void>;
  /** Removes a service that does not run. */
  remove(name: string): void;
  /** Sends a code of 128 to 255 to a running service, which knows what it means. */
  send(name: string, code: number): void;
}

/** Type of a text in the registry. */
export type TextType = "plain" | "expanded";

/** Value in the registry. */
export interface RegistryText {
  readonly type: TextType;
  readonly text: string;
}

/** Values below HKEY_LOCAL_MACHINE. Each change throws DENIED without the rights of an administrator. */
export interface WindowsRegistry {
  /** Text of a value; undefined if there is none. */
  read(key: string, name: string): RegistryText | undefined;
  write(key: string, name: string, value: RegistryText): void;
  /** Writes a number of 32 bits. */
  writeNumber(key: string, name: string, value: number): void;
  /** Removes a key with all below it. Does nothing if there is none. */
  remove(key: string): void;
  /** Tells programs that the variables of the system have changed. */
  announceVariables(): void;
}

/** Parts of Windows that a service needs. */
export interface WindowsParts {
  readonly services: WindowsServices;
  readonly registry: WindowsRegistry;
  /** Removes a file at the next start of the system, as a program that runs cannot be removed. */
  readonly removeLater: (path: string) => void;
}

/** Code by which a running service is asked to restart without harm to commands. */
export const RESTART_CODE = 128;
