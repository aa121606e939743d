import type { HostSystem } from "./host_system.ts";
import { launchdLabel, launchdLog, launchdPlist } from "./launchd_plist.ts";
import { runTool } from "./run_tool.ts";
import {
  NOT_INSTALLED,
  readDefinition,
  type ServiceHost,
  type ServiceName,
  type ServicePlan,
  type ServiceState,
  type Step,
  step,
} from "./service_host.ts";

/** A daemon of launchd. launchd starts what it knows: so stopping a service means to let launchd forget it. */
export class Launchd implements ServiceHost {
  readonly kind = "launchd";
  readonly scope = "system";
  readonly #name: ServiceName;
  readonly #system: HostSystem;

  constructor(name: ServiceName, system: HostSystem) {
    this.#name = name;
    this.#system = system;
  }

  get logLine(): string {
    return `tail ${launchdLog(this.#name)}`;
  }

  async install(plan: ServicePlan): Promise<readonly Step[]> {
    const path = this.#path;
    const done = await this.#system.files.write(path, launchdPlist(plan));
    const { enabled, running } = await this.status();
    // launchd reads the file only when it is told of the service.
    if (done && running) await this.#launchctl("bootout", this.#target);
    if (done && running) await this.#launchctl("bootstrap", "system", path);
    if (!enabled) await this.#launchctl("enable", this.#target);
    return [
      step(done, `wrote ${path}`, `${path} is as it should be`),
      step(!enabled, `enabled ${this.#label}`, `${this.#label} is enabled`),
    ];
  }

  async uninstall(): Promise<readonly Step[]> {
    const { definition } = await this.status();
    if (definition === undefined) {
      return [step(false, "", `${this.#label} is not installed`)];
    }
    const stopped = await this.stop();
    await this.#system.files.remove(definition);
    return [...stopped, step(true, `removed ${definition}`, "")];
  }

  async start(): Promise<readonly Step[]> {
    if ((await this.status()).running) {
      return [step(false, "", `${this.#label} runs`)];
    }
    if (!await this.#isKnown()) {
      await this.#launchctl("bootstrap", "system", this.#path);
    }
    await this.#launchctl("kickstart", this.#target);
    return [step(true, `started ${this.#label}`, "")];
  }

  async stop(): Promise<readonly Step[]> {
    if (!await this.#isKnown()) {
      return [step(false, "", `${this.#label} does not run`)];
    }
    await this.#launchctl("bootout", this.#target);
    return [step(true, `stopped ${this.#label}`, "")];
  }

  async restart(): Promise<readonly Step[]> {
    if (!await this.#isKnown()) return await this.start();
    await this.#launchctl("kickstart", "-k", this.#target);
    return [step(true, `restarted ${this.#label}`, "")];
  }

  async status(): Promise<ServiceState> {
    const text = await this.#system.files.read(this.#path);
    if (text === undefined) return NOT_INSTALLED;
    const { code, stdout } = await this.#print();
    const pid = Number(/^\s*pid = (\d+)/m.exec(stdout)?.[1] ?? 0);
    const runs = Number(/^\s*runs = (\d+)/m.exec(stdout)?.[1] ?? 0);
    return {
      definition: this.#path,
      ...readDefinition(text),
      enabled: await this.#isEnabled(),
      running: code === 0 && pid > 0,
      pid: pid > 0 ? pid : undefined,
      since: undefined,
      restarts: runs > 0 ? runs - 1 : undefined,
      detail: /^\s*state = (.+)$/m.exec(stdout)?.[1] ?? "",
    };
  }

  async #isKnown(): Promise<boolean> {
    return (await this.#print()).code === 0;
  }

  async #isEnabled(): Promise<boolean> {
    const { stdout } = await this.#system.run(
      "launchctl",
      "print-disabled",
      "system",
    );
    const [, value = "enabled"] =
      new RegExp(`"${this.#label}" => (\\w+)`).exec(stdout) ?? [];
    return value === "enabled" || value === "false";
  }

  #print() {
    return this.#system.run("launchctl", "print", this.#target);
  }

  async #launchctl(...words: readonly string[]): Promise<void> {
    await runTool(
      this.#system,
      ["launchctl", ...words],
      `its log: ${this.logLine}`,
    );
  }

  get #label(): string {
    return launchdLabel(this.#name);
  }

  get #target(): string {
    return `system/${this.#label}`;
  }

  get #path(): string {
    return `/Library/LaunchDaemons/${this.#label}.plist`;
  }
}
