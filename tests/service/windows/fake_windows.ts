import type {
  RegistryText,
  WindowsParts,
  WindowsRegistry,
  WindowsServiceDefinition,
  WindowsServiceFacts,
  WindowsServices,
} from "../../../lib/service/windows/services.ts";

/** Key of the variables of the system, in the registry. */
export const VARIABLES =
  "SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment";

/** Services that a test sees, and that note what changes them. */
class FakeServices implements WindowsServices {
  readonly changes: string[] = [];
  readonly #all = new Map<string, WindowsServiceFacts>();

  read(name: string): WindowsServiceFacts | undefined {
    return this.#all.get(name);
  }
  create(name: string, definition: WindowsServiceDefinition): void {
    this.changes.push(`create ${name} as ${definition.account}`);
    this.#define(name, definition);
  }
  change(name: string, definition: WindowsServiceDefinition): void {
    this.changes.push(`change ${name}`);
    this.#define(name, definition);
  }
  setCommandLine(name: string, commandLine: string): void {
    this.changes.push(`let ${name} start by another line`);
    this.set(name, { commandLine });
  }
  start(name: string): Promise<void> {
    this.changes.push(`start ${name}`);
    this.set(name, { state: "running", pid: 17 });
    return Promise.resolve();
  }
  stop(name: string): Promise<void> {
    this.changes.push(`stop ${name}`);
    this.set(name, { state: "stopped", pid: undefined });
    return Promise.resolve();
  }
  remove(name: string): void {
    this.changes.push(`remove ${name}`);
    this.#all.delete(name);
  }
  send(name: string, code: number): void {
    this.changes.push(`send ${code} to ${name}`);
  }

  #define(name: string, definition: WindowsServiceDefinition): void {
    const { commandLine, account, displayName } = definition;
    this.#all.set(name, {
      state: "stopped",
      pid: undefined,
      exitCode: 0,
      ...this.#all.get(name),
      commandLine,
      account,
      displayName,
      isAutomatic: true,
    });
  }
  /** Changes what a test sees of a service. */
  set(name: string, change: Partial<WindowsServiceFacts>): void {
    const facts = this.#all.get(name);
    if (facts !== undefined) this.#all.set(name, { ...facts, ...change });
  }
}

/** A registry in memory. */
class FakeRegistry implements WindowsRegistry {
  readonly values = new Map<string, RegistryText | number>();
  announced = 0;

  read(key: string, name: string): RegistryText | undefined {
    const value = this.values.get(`${key}\\${name}`);
    return typeof value === "object" ? value : undefined;
  }
  write(key: string, name: string, value: RegistryText): void {
    this.values.set(`${key}\\${name}`, value);
  }
  writeNumber(key: string, name: string, value: number): void {
    this.values.set(`${key}\\${name}`, value);
  }
  remove(key: string): void {
    for (const name of this.values.keys()) {
      if (name.startsWith(`${key}\\`)) this.values.delete(name);
    }
  }
  announceVariables(): void {
    this.announced++;
  }
}

/** A Windows without services. */
export class FakeWindowsParts implements WindowsParts {
  readonly services = new FakeServices();
  readonly registry = new FakeRegistry();
  /** Files that go with the next start of the system. */
  readonly removedLater: string[] = [];
  readonly removeLater = (path: string) => void this.removedLater.push(path);

  constructor(path = "%SystemRoot%\\system32;C:\\Tools\\") {
    this.registry.write(VARIABLES, "Path", { type: "expanded", text: path });
  }

  /** PATH of the system. */
  get path(): string {
    return this.registry.read(VARIABLES, "Path")?.text ?? "";
  }
}
