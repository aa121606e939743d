import type { PiriError } from "../../lib/base/errors.ts";
import type {
  ServiceActs,
  ServiceReport,
  ServiceStatus,
  ServiceStep,
} from "../../lib/cli/service_acts.ts";

/** A service that runs and is connected. */
export const RUNNING_SERVICE: ServiceStatus = {
  manager: "systemd",
  scope: "system",
  definition: "/etc/systemd/system/piri-agent.service",
  enabled: true,
  running: true,
  pid: 17,
  since: Date.UTC(2026, 0, 1),
  restarts: 2,
  detail: "active (running)",
  installation: "slots",
  executable: "/opt/piri/agent/current/bin/piri-agent",
  stateDir: "/var/lib/piri-agent",
  versionOnDisk: "0.3.0",
  process: { version: "0.3.0", connected: true, detail: "mgr:7051" },
  update: undefined,
  logLine: "journalctl -u piri-agent.service -n 20",
};

/** A service that notes what is asked of it. */
export class FakeService implements ServiceActs {
  readonly asked: unknown[] = [];
  state: ServiceStatus = RUNNING_SERVICE;
  /** Refusal of the wait for a connection. */
  unconnected: PiriError | undefined;

  copyProgram(): Promise<ServiceStep[]> {
    this.asked.push("copy");
    return Promise.resolve([{ done: true, what: "copied" }]);
  }
  install(options: unknown): Promise<ServiceReport> {
    return this.#report("install", options);
  }
  async uninstall(
    options: { dir: string; purge: boolean },
  ): Promise<ServiceReport & { stateDir: string }> {
    const report = await this.#report("uninstall", options);
    return { ...report, stateDir: options.dir };
  }
  start(): Promise<ServiceReport> {
    return this.#report("start");
  }
  stop(): Promise<ServiceReport> {
    return this.#report("stop");
  }
  restart(): Promise<ServiceReport> {
    return this.#report("restart");
  }
  restartOnTrial(dir: string): Promise<ServiceReport> {
    return this.#report("restartOnTrial", { dir });
  }
  restartWhenIdle(dir: string, ms: number): Promise<ServiceReport> {
    return this.#report("restartWhenIdle", { dir, ms });
  }
  status(dir: string): Promise<ServiceStatus> {
    this.asked.push({ status: dir });
    return Promise.resolve(this.state);
  }
  waitUntilConnected(dir: string, ms: number): Promise<string> {
    this.asked.push({ wait: dir, ms });
    return this.unconnected === undefined
      ? Promise.resolve("mgr:7051")
      : Promise.reject(this.unconnected);
  }

  #report(act: string, options: unknown = {}): Promise<ServiceReport> {
    this.asked.push({ [act]: options });
    return Promise.resolve({
      manager: "systemd",
      steps: [
        { done: true, what: `did ${act}` },
        { done: false, what: "left the rest" },
      ],
      hints: [`after ${act}`],
    });
  }
}
