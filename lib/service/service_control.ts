import { isAbsolute } from "@std/path";
import { type Clock, sleep } from "../base/clock.ts";
import { messageOf, PiriError } from "../base/errors.ts";
import { makeManagerUser, MANAGER_USER, requireAccount } from "./account.ts";
import { findServiceHost } from "./find_host.ts";
import type { HostSystem } from "./host_system.ts";
import { readRunningNote, type RunningFacts } from "./running_note.ts";
import {
  type ServiceHost,
  type ServiceName,
  type ServicePlan,
  type ServiceState,
  settingsFileOf,
  type Step,
  step,
} from "./service_host.ts";
import {
  type Installation,
  installationOf,
  placeInSlot,
  removeSlots,
  slotPlaces,
} from "./slots.ts";
import { untilUp } from "./until_up.ts";

/** Time between two looks for a connection, in milliseconds. */
const LOOK_MS = 250;

/** Program whose service it is, and the host. */
export interface ServiceControlOptions {
  readonly name: ServiceName;
  readonly system: HostSystem;
  readonly clock: Clock;
  /** Path of the running executable; undefined for a program that runs from source. */
  readonly executable: string | undefined;
  readonly version: string;
  /**
   * Reads whether the program of a state folder listens on a port below 1024.
   *
   * @throws {PiriError} FAILED_PRECONDITION if the folder is not ready for a service
   */
  readonly checkState: (dir: string) => Promise<{ hasLowPort: boolean }>;
  /**
   * Tells the Manager that the host of a state folder leaves; absent for a Manager. Throws the reason if it cannot.
   */
  readonly leaveFleet?: (dir: string) => Promise<void>;
}

/** Changes that were made, and what the user should know. */
export interface ServiceReport {
  readonly manager: ServiceHost["kind"];
  readonly steps: readonly Step[];
  /** Lines about what comes next. */
  readonly hints: readonly string[];
}

/** Service as `status` shows it. */
export interface FullStatus extends ServiceState {
  readonly manager: ServiceHost["kind"];
  readonly scope: ServiceHost["scope"];
  readonly installation: Installation | undefined;
  readonly stateDir: string;
  /** Version of the executable that the service starts; undefined if it cannot be told. */
  readonly versionOnDisk: string | undefined;
  readonly process: RunningFacts | undefined;
  readonly logLine: string;
}

/** Service of one program: its slots, its definition, and its state. */
export class ServiceControl {
  readonly #options: ServiceControlOptions;

  constructor(options: ServiceControlOptions) {
    this.#options = options;
  }

  /**
   * Copies the program to a slot and installs its service, which is not started.
   *
   * @throws {PiriError} FAILED_PRECONDITION from source; UNAVAILABLE without a service manager; NOT_FOUND for a user
   */
  async install(
    { dir, user, isCopied = false }: {
      readonly dir: string;
      readonly user?: string | undefined;
      /** True if the program was copied to its slot. */
      readonly isCopied?: boolean;
    },
  ): Promise<ServiceReport> {
    const { name, system, checkState } = this.#options;
    const host = await this.#host();
    const executable = this.#ownExecutable();
    if (!isAbsolute(dir)) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot install the service with "${dir}": the path has to be absolute`,
      );
    }
    const { hasLowPort } = await checkState(dir);
    const places = slotPlaces(name, host.scope, system.env);
    const isPackage = installationOf(executable) === "package";
    const [login, group] = this.#userOf(host, user);
    const account = await this.#account(host, login, { dir, group });
    const slots = isCopied ? [] : await this.copyProgram();
    const plan: ServicePlan = {
      name,
      executable: isPackage ? executable : places.executable,
      dir,
      scope: host.scope,
      user: login,
      group,
      hasLowPort,
      ...name === "piri-agent" && !isPackage && host.kind !== "launchd"
        ? { guard: places.guard }
        : {},
    };
    const steps = [...account, ...slots, ...await host.install(plan)];
    const { running } = await host.status();
    return {
      manager: host.kind,
      steps,
      hints: [
        ...running && steps.some(({ done }) => done)
          ? [`it still runs as before; restart it: ${name} service restart`]
          : [],
        ...running ? [] : [`start it: ${name} service start`],
        ...this.#lingering(host),
      ],
    };
  }

  /**
   * Copies the program to the slot of its version, but for one of a package.
   *
   * @throws {PiriError} FAILED_PRECONDITION from source; UNAVAILABLE without a service manager; DENIED, DISK
   */
  async copyProgram(): Promise<readonly Step[]> {
    const { name, system, version } = this.#options;
    const { scope } = await this.#host();
    const executable = this.#ownExecutable();
    if (installationOf(executable) === "package") return [];
    const places = slotPlaces(name, scope, system.env);
    return await placeInSlot(name, { executable, version, places, system });
  }

  /** Stops the service and removes it with its slots. The state folder stays, unless it is purged. */
  async uninstall(
    { dir, purge }: { readonly dir: string; readonly purge: boolean },
  ): Promise<ServiceReport & { readonly stateDir: string }> {
    const { name, system } = this.#options;
    const host = await this.#host();
    const { dir: named, executable } = await host.status();
    const stateDir = named ?? dir;
    const steps = [...await host.uninstall()];
    if (executable === undefined || installationOf(executable) === "slots") {
      const places = slotPlaces(name, host.scope, system.env);
      steps.push(...await removeSlots(places, system));
    }
    const hints = purge ? await this.#leave(stateDir, steps) : [];
    const done = purge && await system.files.remove(stateDir);
    steps.push(
      step(
        done,
        `removed the state folder ${stateDir}`,
        `${purge ? "there is no" : "kept the"} state folder ${stateDir}`,
      ),
    );
    return { manager: host.kind, steps, hints, stateDir };
  }

  /** Tells the Manager, if it can be reached, and returns what else is to be done. A host that has not joined is none. */
  async #leave(dir: string, steps: Step[]): Promise<string[]> {
    const { name, system, leaveFleet } = this.#options;
    const settings = settingsFileOf({ name, dir });
    if (leaveFleet === undefined || !await system.files.exists(settings)) {
      return [];
    }
    try {
      await leaveFleet(system.files.at(dir));
      steps.push(step(true, "told the Manager, where it is retired now", ""));
      return [];
    } catch (error) {
      return [
        `the Manager was not told (${
          messageOf(error)
        }); run there: piri-manager agent set NAME --retired`,
      ];
    }
  }

  async start(): Promise<ServiceReport> {
    const host = await this.#installed("start");
    const steps = await host.start();
    await this.#requireRunning(host, "start");
    return { manager: host.kind, steps, hints: this.#lingering(host) };
  }

  async stop(): Promise<ServiceReport> {
    const host = await this.#installed("stop");
    return { manager: host.kind, steps: await host.stop(), hints: [] };
  }

  async restart(): Promise<ServiceReport> {
    const host = await this.#installed("restart");
    const steps = await host.restart();
    await this.#requireRunning(host, "restart");
    return { manager: host.kind, steps, hints: [] };
  }

  /**
   * Lets the service restart as soon as it runs no command, and waits for that.
   *
   * @throws {PiriError} TIMED_OUT if commands run for longer: it restarts all the same as soon as none does; UNSUPPORTED
   * by a version that would not listen
   */
  async restartWhenIdle(dir: string, ms: number): Promise<ServiceReport> {
    const { clock, name, system } = this.#options;
    const host = await this.#installed("restart");
    await this.#requireRunning(host, "restart");
    const { process } = await this.status(dir);
    if (process?.restartable !== true) {
      throw new PiriError(
        "UNSUPPORTED",
        `Cannot restart the service when it is idle: the version that runs does not know how, or has only just started; ${name} service restart ends its commands`,
      );
    }
    system.askToRestart(process.pid);
    const end = clock.monotonic() + ms;
    for (;;) {
      await sleep(clock, LOOK_MS);
      const { running, pid } = await host.status();
      if (running && pid !== process.pid) break;
      if (clock.monotonic() < end) continue;
      throw new PiriError(
        "TIMED_OUT",
        `Cannot see the service restarted after ${
          Math.round(ms / 1_000)
        } s: it runs commands; it restarts as soon as it runs none`,
      );
    }
    const steps = [step(true, `restarted ${name}, which ran no command`, "")];
    return { manager: host.kind, steps, hints: [] };
  }

  async status(dir: string): Promise<FullStatus> {
    const { system } = this.#options;
    const host = await this.#host();
    const state = await host.status();
    const stateDir = state.dir ?? dir;
    const process = state.running
      ? await readRunningNote(system.files.at(stateDir))
      : undefined;
    return {
      ...state,
      manager: host.kind,
      scope: host.scope,
      stateDir,
      installation: state.executable === undefined
        ? undefined
        : installationOf(state.executable),
      versionOnDisk: state.executable === undefined
        ? undefined
        : await versionOf(state.executable, system),
      process: process?.pid === state.pid ? process : undefined,
      logLine: host.logLine,
    };
  }

  /**
   * Waits until the service says that it is connected, and returns the address of the Manager.
   *
   * @throws {PiriError} UNAVAILABLE with its reason if it is not by then
   */
  async waitUntilConnected(dir: string, ms: number): Promise<string> {
    const { clock, name } = this.#options;
    const end = clock.monotonic() + ms;
    for (;;) {
      const { process, running, detail, logLine } = await this.status(dir);
      if (process?.connected === true) return process.detail;
      if (clock.monotonic() >= end) {
        const why = !running
          ? `it does not run, ${detail}`
          : process?.detail || "it has not said why";
        throw new PiriError(
          "UNAVAILABLE",
          `Cannot see the service connected after ${
            Math.round(ms / 1_000)
          } s: ${why}; it goes on trying, and ${name} check or ${logLine} tell more`,
        );
      }
      await sleep(clock, LOOK_MS);
    }
  }

  #host(): Promise<ServiceHost> {
    return findServiceHost(this.#options.name, this.#options.system);
  }

  async #installed(verb: string): Promise<ServiceHost> {
    const host = await this.#host();
    const { definition } = await host.status();
    if (definition !== undefined) return host;
    const { name } = this.#options;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot ${verb} the service: ${name} is not installed as a service; run ${name} service install`,
    );
  }

  /** A service manager may say that it started what has not begun, as where a condition fails. */
  async #requireRunning(host: ServiceHost, verb: string): Promise<void> {
    const { running, detail } = await untilUp(host, this.#options);
    if (running) return;
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot ${verb} the service: it does not run, ${
        detail || "and nobody says why"
      }; its log: ${host.logLine}`,
    );
  }

  #ownExecutable(): string {
    const { executable, name } = this.#options;
    if (executable !== undefined) return executable;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot install the service: this ${name} runs from source; build it, and run the executable`,
    );
  }

  /** User and group of the service. */
  #userOf(
    host: ServiceHost,
    wanted: string | undefined,
  ): readonly [user: string, group: string] {
    const { name } = this.#options;
    if (wanted !== undefined) {
      if (host.scope === "user") {
        throw new PiriError(
          "INVALID_ARGUMENT",
          `Cannot install the service for "${wanted}": without root it is that of the user who installs it`,
        );
      }
      const [user = "", group = ""] = wanted.split(":");
      return [user, group];
    }
    const isOwnUser = name === "piri-manager" && host.scope === "system" &&
      host.kind !== "launchd";
    return isOwnUser ? [MANAGER_USER, MANAGER_USER] : ["", ""];
  }

  /** Lets the user of the service own the state folder. */
  async #account(
    host: ServiceHost,
    user: string,
    { dir, group }: { readonly dir: string; readonly group: string },
  ): Promise<Step[]> {
    const { system } = this.#options;
    if (user === "") return [];
    const made = user === MANAGER_USER && host.kind !== "launchd"
      ? [await makeManagerUser(dir, system)]
      : [];
    const { uid, gid } = await requireAccount(user, group, system);
    const done = await system.files.giveTo(dir, uid, gid);
    return [
      ...made,
      step(
        done,
        `gave ${dir} to the user ${user}`,
        `${dir} belongs to the user ${user}`,
      ),
    ];
  }

  #lingering({ scope, kind }: ServiceHost): string[] {
    if (scope !== "user" || kind !== "systemd") return [];
    const user = this.#options.system.env("USER") ?? "";
    return [
      `without a login of yours it runs only after: sudo loginctl enable-linger ${user}`
        .trim(),
    ];
  }
}

/** Version that an executable says it has. */
async function versionOf(
  executable: string,
  { run }: HostSystem,
): Promise<string | undefined> {
  const { code, stdout } = await run(executable, "--version");
  return code === 0 ? /^\S+ (\S+)/.exec(stdout)?.[1] : undefined;
}
