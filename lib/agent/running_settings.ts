import type { LogOptions } from "../base/log_options.ts";
import type { MinisignKey } from "../base/minisign.ts";
import { compareSettings, type Reload } from "../base/reload.ts";
import { Turns } from "../base/turns.ts";
import { updateKeys } from "../update/update_keys.ts";
import { AGENT_SETTINGS, type AgentConfig, loadAgentConfig } from "./config.ts";

/** Folder of the settings, and the log that they set. */
export interface RunningSettingsOptions {
  readonly dir: string;
  readonly startLog?: (configured: LogOptions) => Promise<void>;
}

/** Settings of a running agent, which a reload changes. */
export class RunningSettings {
  readonly #options: RunningSettingsOptions;
  readonly #reloads = new Turns();
  /** Settings in use. */
  #config: AgentConfig;

  constructor(config: AgentConfig, options: RunningSettingsOptions) {
    this.#config = config;
    this.#options = options;
  }

  get addresses(): readonly string[] {
    return this.#config.addresses;
  }

  get name(): string {
    return this.#config.name;
  }

  /** True if the Manager may replace the agent. */
  get isUpdated(): boolean {
    return this.#config.updates === "manager";
  }

  get updateKeys(): readonly MinisignKey[] {
    return updateKeys(this.#config.updateKeys);
  }

  /** Notes that the Manager has given the agent another name. */
  renamed(name: string): void {
    this.#config = { ...this.#config, name };
  }

  reload(): Promise<Reload> {
    return this.#reloads.run(async () => {
      const before = this.#config;
      const found = await loadAgentConfig(this.#options.dir);
      const { addresses, log, updates, updateKeys } = found;
      this.#config = { ...before, addresses, log, updates, updateKeys };
      await this.#options.startLog?.(log);
      return compareSettings(AGENT_SETTINGS, before, found);
    });
  }
}
