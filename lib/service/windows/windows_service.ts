import { PiriError } from "../../base/errors.ts";
import { MANAGER_SERVICE_SID } from "../../base/windows_rights.ts";
import type { HostSystem } from "../host_system.ts";
import { runTool } from "../run_tool.ts";
import {
  NOT_INSTALLED,
  requireOneLine,
  type ServiceHost,
  type ServiceName,
  type ServicePlan,
  type ServiceState,
  type Step,
  step,
  titleOf,
} from "../service_host.ts";
import { commandLineOf, readCommandLine, watchLineOf } from "./command_line.ts";
import type { WindowsParts, WindowsServiceFacts } from "./services.ts";

/** Users that services run as: the agent manages the host, and the Manager has a user of its own. */
const ACCOUNTS: Readonly<Record<ServiceName, string>> = {
  "piri-agent": "LocalSystem",
  "piri-manager": "NT SERVICE\\piri-manager",
};

const DESCRIPTIONS: Readonly<Record<ServiceName, string>> = {
  "piri-agent": "Carries out the commands of its Piri Manager on this host",
  "piri-manager": "Serves the agents and operators of a fleet",
};

/** File with texts for any event, which every Windows has. */
const EVENT_TEXTS = "%SystemRoot%\\System32\\EventCreate.exe";

/** Errors, warnings and information. */
const EVENT_TYPES = 7;

/** A service of Windows. Its program is the service itself. */
export class WindowsService implements ServiceHost {
  readonly kind = "windows";
  readonly scope = "system";
  readonly #name: ServiceName;
  readonly #system: HostSystem;
  readonly #parts: WindowsParts;

  constructor(name: ServiceName, system: HostSystem, parts: WindowsParts) {
    this.#name = name;
    this.#system = system;
    this.#parts = parts;
  }

  get logLine(): string {
    const { dir } = readCommandLine(this.#read()?.commandLine ?? "");
    const folder = dir ??
      `${this.#system.env("ProgramData") ?? "%ProgramData%"}\\${this.#name}`;
    return `type "${folder}\\log\\${this.#name}.log"`;
  }

  async install(plan: ServicePlan): Promise<readonly Step[]> {
    requireOneLine(plan);
    const wanted = {
      commandLine: commandLineOf(plan),
      account: ACCOUNTS[this.#name],
      displayName: titleOf(this.#name),
      description: DESCRIPTIONS[this.#name],
      recoveryLine: plan.guard === undefined
        ? undefined
        : watchLineOf(plan.guard, plan.dir),
    };
    const { services } = this.#parts;
    const found = this.#read();
    if (found === undefined) services.create(this.#name, wanted);
    const isRight = found?.commandLine === wanted.commandLine &&
      found.isAutomatic && sameUser(found.account, wanted.account);
    if (found !== undefined && !isRight) services.change(this.#name, wanted);
    const steps = [
      step(
        !isRight,
        `${found === undefined ? "made" : "changed"} the service ${this.#name}`,
        `the service ${this.#name} is as it should be`,
      ),
    ];
    this.#nameEventSource();
    if (this.#name === "piri-manager" && !isRight) {
      steps.push(await this.#grant(plan.dir));
    }
    return steps;
  }

  async uninstall(): Promise<readonly Step[]> {
    const found = this.#read();
    if (found === undefined) {
      return [step(false, "", `${this.#name} is not installed`)];
    }
    const stopped = await this.stop();
    this.#parts.services.remove(this.#name);
    this.#parts.registry.remove(this.#eventKey);
    return [...stopped, step(true, `removed the service ${this.#name}`, "")];
  }

  async start(): Promise<readonly Step[]> {
    if (this.#read()?.state === "running") {
      return [step(false, "", `${this.#name} runs`)];
    }
    await this.#parts.services.start(this.#name);
    return [step(true, `started ${this.#name}`, "")];
  }

  async stop(): Promise<readonly Step[]> {
    if (this.#read()?.state === "stopped") {
      return [step(false, "", `${this.#name} does not run`)];
    }
    await this.#parts.services.stop(this.#name);
    return [step(true, `stopped ${this.#name}`, "")];
  }

  async restart(): Promise<readonly Step[]> {
    await this.stop();
    await this.#parts.services.start(this.#name);
    return [step(true, `restarted ${this.#name}`, "")];
  }

  status(): Promise<ServiceState> {
    const found = this.#read();
    if (found === undefined) return Promise.resolve(NOT_INSTALLED);
    const { state, pid, exitCode, isAutomatic, commandLine } = found;
    const { dir, executable } = readCommandLine(commandLine);
    return Promise.resolve({
      definition: `HKLM\\SYSTEM\\CurrentControlSet\\Services\\${this.#name}`,
      dir,
      executable,
      enabled: isAutomatic,
      running: state === "running",
      pid,
      since: undefined,
      restarts: undefined,
      detail: state === "stopped" ? stoppedText(exitCode) : state,
    });
  }

  #read(): WindowsServiceFacts | undefined {
    return this.#parts.services.read(this.#name);
  }

  /** Lets the viewer of events show the texts of this program as they are. */
  #nameEventSource(): void {
    const { registry } = this.#parts;
    const value = { type: "expanded", text: EVENT_TEXTS } as const;
    const name = "EventMessageFile";
    if (registry.read(this.#eventKey, name)?.text === EVENT_TEXTS) return;
    registry.write(this.#eventKey, name, value);
    registry.writeNumber(this.#eventKey, "TypesSupported", EVENT_TYPES);
  }

  get #eventKey(): string {
    return `SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\${this.#name}`;
  }

  /** Lets the user of the Manager into its state folder. */
  async #grant(dir: string): Promise<Step> {
    const rights = `*${MANAGER_SERVICE_SID}:(OI)(CI)F`;
    await runTool(this.#system, ["icacls", dir, "/grant", rights, "/T", "/Q"]);
    return step(
      true,
      `gave ${dir} to the user ${ACCOUNTS[this.#name]}, too`,
      "",
    );
  }
}

/** State of a service that does not run: System Error Codes, Microsoft Learn. */
function stoppedText(exitCode: number): string {
  switch (exitCode) {
    case 0:
      return "stopped";
    case 1067:
      return "stopped, its process ended unexpectedly";
    case 1077:
      return "stopped, not started since the system has";
    default:
      return `stopped, exit code ${exitCode}`;
  }
}

function sameUser(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/**
 * Refuses another user than the one that a service has on Windows.
 *
 * @throws {PiriError} UNSUPPORTED
 */
export function requireOwnUser(name: ServiceName, user: string): never {
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot install the service for "${user}": on Windows it runs as ${
      ACCOUNTS[name]
    }; leave out --user`,
  );
}
