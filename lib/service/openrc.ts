import type { HostSystem } from "./host_system.ts";
import { openrcLog, openrcScript } from "./openrc_script.ts";
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

/** Mode of a script that OpenRC runs. */
const SCRIPT = 0o755;

/** Runlevel that the service is added to. */
const RUNLEVEL = "default";

/** A service of OpenRC. */
export class OpenRc implements ServiceHost {
  readonly kind = "openrc";
  readonly scope = "system";
  readonly #name: ServiceName;
  readonly #system: HostSystem;

  constructor(name: ServiceName, system: HostSystem) {
    this.#name = name;
    this.#system = system;
  }

  get logLine(): string {
    return `tail ${openrcLog(this.#name)}`;
  }

  async install(plan: ServicePlan): Promise<readonly Step[]> {
    const path = this.#path;
    const done = await this.#system.files.write(
      path,
      openrcScript(plan),
      SCRIPT,
    );
    const enabled = await this.#isEnabled();
    if (!enabled) {
      await runTool(this.#system, ["rc-update", "add", this.#name, RUNLEVEL]);
    }
    return [
      step(done, `wrote ${path}`, `${path} is as it should be`),
      step(
        !enabled,
        `added ${this.#name} to the runlevel ${RUNLEVEL}`,
        `${this.#name} is in the runlevel ${RUNLEVEL}`,
      ),
    ];
  }

  async uninstall(): Promise<readonly Step[]> {
    const { definition, enabled } = await this.status();
    if (definition === undefined) {
      return [step(false, "", `${this.#name} is not installed`)];
    }
    const stopped = await this.stop();
    if (enabled) {
      await runTool(this.#system, ["rc-update", "del", this.#name, RUNLEVEL]);
    }
    await this.#system.files.remove(definition);
    return [
      ...stopped,
      step(
        enabled,
        `removed ${this.#name} from the runlevel ${RUNLEVEL}`,
        `${this.#name} is in no runlevel`,
      ),
      step(true, `removed ${definition}`, ""),
    ];
  }

  async start(): Promise<readonly Step[]> {
    if ((await this.#supervision()).isStarted) {
      return [step(false, "", `${this.#name} runs`)];
    }
    await this.#service("start");
    return [step(true, `started ${this.#name}`, "")];
  }

  async stop(): Promise<readonly Step[]> {
    if (!(await this.#supervision()).isStarted) {
      return [step(false, "", `${this.#name} does not run`)];
    }
    await this.#service("stop");
    return [step(true, `stopped ${this.#name}`, "")];
  }

  async restart(): Promise<readonly Step[]> {
    await this.#service("restart");
    return [step(true, `restarted ${this.#name}`, "")];
  }

  async status(): Promise<ServiceState> {
    const { files } = this.#system;
    const text = await files.read(this.#path);
    if (text === undefined) return NOT_INSTALLED;
    const { isStarted, detail } = await this.#supervision();
    const pid = Number(await this.#option("child_pid"));
    // OpenRC calls it started also between the end of its process and the next start.
    const isBetween = isStarted && pid > 0 &&
      !await files.exists(`/proc/${pid}`);
    const running = isStarted && !isBetween;
    const restarts = await this.#option("start_count");
    // It is the time of this host's zone.
    const since = Date.parse(
      (await this.#option("start_time"))?.trim().replace(" ", "T") ?? "",
    );
    return {
      definition: this.#path,
      ...readDefinition(text),
      enabled: await this.#isEnabled(),
      running,
      pid: running && pid > 0 ? pid : undefined,
      since: running && !Number.isNaN(since) ? since : undefined,
      restarts: running && restarts !== undefined
        ? Number(restarts)
        : undefined,
      detail: isBetween ? "it ended and is started again soon" : detail,
    };
  }

  /** The state that OpenRC itself tells. */
  async #supervision(): Promise<
    { readonly isStarted: boolean; readonly detail: string }
  > {
    const { code, stdout } = await this.#system.run(
      "rc-service",
      this.#name,
      "status",
    );
    return {
      isStarted: code === 0,
      detail: /status: (\w+)/.exec(stdout)?.[1] ?? "",
    };
  }

  /** A value that the supervisor of the service keeps. */
  #option(name: string): Promise<string | undefined> {
    return this.#system.files.read(
      `/run/openrc/options/${this.#name}/${name}`,
    );
  }

  async #isEnabled(): Promise<boolean> {
    const { stdout } = await this.#system.run("rc-update", "show", RUNLEVEL);
    return stdout.split("\n").some((line) =>
      line.split("|")[0]?.trim() === this.#name
    );
  }

  async #service(verb: string): Promise<void> {
    await runTool(
      this.#system,
      ["rc-service", this.#name, verb],
      `its log: ${this.logLine}`,
    );
  }

  get #path(): string {
    return `/etc/init.d/${this.#name}`;
  }
}
