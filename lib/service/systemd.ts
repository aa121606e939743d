import type { HostSystem } from "./host_system.ts";
import { runTool } from "./run_tool.ts";
import {
  NOT_INSTALLED,
  readDefinition,
  type Scope,
  type ServiceHost,
  type ServiceName,
  type ServicePlan,
  type ServiceState,
  type Step,
  step,
} from "./service_host.ts";
import { systemdUnit } from "./systemd_unit.ts";

/** Properties of a unit that `status` reads. */
const PROPERTIES = [
  "LoadState",
  "ActiveState",
  "SubState",
  "UnitFileState",
  "MainPID",
  "ActiveEnterTimestamp",
  "NRestarts",
  "StatusText",
  "FragmentPath",
] as const;

type Properties = Partial<Record<typeof PROPERTIES[number], string>>;

/** A service of systemd. */
export class Systemd implements ServiceHost {
  readonly kind = "systemd";
  readonly scope: Scope;
  readonly #system: HostSystem;
  readonly #unit: string;
  readonly #folder: string;

  /** @param folder Folder of the units that are written. */
  constructor(
    name: ServiceName,
    { system, scope, folder }: {
      readonly system: HostSystem;
      readonly scope: Scope;
      readonly folder: string;
    },
  ) {
    this.scope = scope;
    this.#system = system;
    this.#unit = `${name}.service`;
    this.#folder = folder;
  }

  get logLine(): string {
    const user = this.scope === "user" ? "--user " : "";
    return `journalctl ${user}-u ${this.#unit} -n 20`;
  }

  async install(plan: ServicePlan): Promise<readonly Step[]> {
    const { files } = this.#system;
    const packaged = await this.#packaged();
    const path = packaged ?? this.#path;
    const done = packaged === undefined &&
      await files.write(path, systemdUnit(plan));
    if (done) await this.#control("daemon-reload");
    const { enabled } = await this.status();
    if (!enabled) await this.#control("enable", this.#unit);
    return [
      step(done, `wrote ${path}`, `${path} is as it should be`),
      step(!enabled, `enabled ${this.#unit}`, `${this.#unit} is enabled`),
    ];
  }

  async uninstall(): Promise<readonly Step[]> {
    const { definition, enabled } = await this.status();
    if (definition === undefined) {
      return [step(false, "", `${this.#unit} is not installed`)];
    }
    const stopped = await this.stop();
    if (enabled) await this.#control("disable", this.#unit);
    const removed = await this.#system.files.remove(this.#path);
    if (removed) await this.#control("daemon-reload");
    return [
      ...stopped,
      step(enabled, `disabled ${this.#unit}`, `${this.#unit} is disabled`),
      step(removed, `removed ${this.#path}`, `left ${definition}`),
    ];
  }

  async start(): Promise<readonly Step[]> {
    if ((await this.status()).running) {
      return [step(false, "", `${this.#unit} runs`)];
    }
    await this.#control("start", this.#unit);
    return [step(true, `started ${this.#unit}`, "")];
  }

  async stop(): Promise<readonly Step[]> {
    const { detail } = await this.status();
    // One that waits for its restart does not run, and has to be stopped all the same.
    if (/^(inactive|failed)/.test(detail) || detail === "") {
      return [step(false, "", `${this.#unit} does not run`)];
    }
    await this.#control("stop", this.#unit);
    return [step(true, `stopped ${this.#unit}`, "")];
  }

  async restart(): Promise<readonly Step[]> {
    await this.#control("restart", this.#unit);
    return [step(true, `restarted ${this.#unit}`, "")];
  }

  async status(): Promise<ServiceState> {
    const text = await runTool(
      this.#system,
      [
        "systemctl",
        ...this.#words,
        "show",
        this.#unit,
        `--property=${PROPERTIES.join(",")}`,
      ],
      this.#hint,
    );
    return await this.#stateOf(readProperties(text));
  }

  async #stateOf(properties: Properties): Promise<ServiceState> {
    const { files } = this.#system;
    const definition = properties.FragmentPath || (
      await files.exists(this.#path) ? this.#path : undefined
    );
    if (definition === undefined) return NOT_INSTALLED;
    const { ActiveState = "", SubState = "", StatusText = "" } = properties;
    const pid = Number(properties.MainPID ?? 0);
    const running = ActiveState === "active" && pid > 0;
    return {
      definition,
      ...readDefinition(await files.read(definition) ?? ""),
      enabled: properties.UnitFileState === "enabled",
      running,
      pid: pid > 0 ? pid : undefined,
      since: running ? timeOf(properties.ActiveEnterTimestamp) : undefined,
      restarts: Number(properties.NRestarts ?? 0),
      detail: `${ActiveState} (${SubState})${StatusText && `: ${StatusText}`}`,
    };
  }

  /** Path of the unit of a package; undefined if there is none. */
  async #packaged(): Promise<string | undefined> {
    if (this.scope === "user") return undefined;
    for (const folder of ["/usr/lib/systemd/system", "/lib/systemd/system"]) {
      const path = `${folder}/${this.#unit}`;
      if (await this.#system.files.exists(path)) return path;
    }
    return undefined;
  }

  get #path(): string {
    return `${this.#folder}/${this.#unit}`;
  }

  get #words(): readonly string[] {
    return this.scope === "user" ? ["--user"] : [];
  }

  get #hint(): string {
    return this.scope === "user"
      ? "a service of a user needs a session of that user: log in, or run it as root"
      : "";
  }

  async #control(verb: string, ...args: readonly string[]): Promise<void> {
    const hint = verb === "start" || verb === "restart"
      ? `its log: ${this.logLine}`
      : this.#hint;
    await runTool(
      this.#system,
      ["systemctl", ...this.#words, verb, ...args],
      hint,
    );
  }
}

function readProperties(text: string): Properties {
  return Object.fromEntries(
    text.split("\n").filter((line) => line.includes("=")).map((line) => {
      const [name = "", ...value] = line.split("=");
      return [name, value.join("=")];
    }),
  );
}

/** Time as systemd prints it in UTC: "Fri 2026-11-27 20:03:00 UTC". */
function timeOf(text: string | undefined): number | undefined {
  const [, day, time] =
    /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/.exec(text ?? "") ?? [];
  return day === undefined ? undefined : Date.parse(`${day}T${time}Z`);
}
