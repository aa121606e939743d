import { isAbsolute } from "@std/path";
import { type Clock, sleep } from "../base/clock.ts";
import { messageOf, PiriError } from "../base/errors.ts";
import { findServiceHost } from "./find_host.ts";
import type { HostSystem } from "./host_system.ts";
import { readRunningNote } from "./running_note.ts";
import type {
  FullStatus,
  ServiceReport,
  UpdateFacts,
} from "./service_report.ts";
import {
  hasGuard,
  type ServiceHost,
  type ServiceName,
  type ServicePlan,
  settingsFileOf,
  type Step,
  step,
} from "./service_host.ts";
import type { SlotPlaces } from "./slot_places.ts";
import {
  installationOf,
  placeInSlot,
  placesOn,
  removeSlots,
  type SlotChange,
  type TrialOptions,
  versionOf,
} from "./slots.ts";
import { giveState, serviceUser } from "./service_user.ts";
import { isAbout, trialHints, untilConfirmed } from "./trial_outcome.ts";
import { untilConnected } from "./until_connected.ts";
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
  /**
   * Makes a switch of the service to another version a trial, and returns the versions whose slots have to stay. Throws
   * the reason if there must be no switch. Absent for an agent, whose Manager updates it.
   */
  readonly beginTrial?: (change: SlotChange) => Promise<readonly string[]>;
  /** Last switch to another version, by the state folder; undefined if there was none. */
  readonly lastUpdate?: (dir: string) => Promise<UpdateFacts | undefined>;
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
    { dir, user, isCopied = false, ...trial }: {
      readonly dir: string;
      readonly user?: string | undefined;
      /** True if the program was copied to its slot. */
      readonly isCopied?: boolean;
    } & TrialOptions,
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
    const places = this.#places(host);
    const isPackage = installationOf(executable) === "package";
    const [login, group] = serviceUser(name, host, user);
    const account = await giveState(dir, { login, group, system });
    const slots = isCopied ? [] : await this.copyProgram({ dir, ...trial });
    const plan: ServicePlan = {
      name,
      executable: isPackage ? executable : places.executable,
      dir,
      scope: host.scope,
      user: login,
      group,
      hasLowPort,
      ...!isPackage && hasGuard(name, host) ? { guard: places.guard } : {},
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
        ...slots.some(({ done }) => done)
          ? trialHints(await this.#options.lastUpdate?.(dir))
          : [],
        ...running ? [] : [`start it: ${name} service start`],
        ...this.#lingering(host),
      ],
    };
  }

  /**
   * Copies the program to the slot of its version, but for one of a package.
   *
   * @param trial State folder and options of the trial of a version that takes the place of another one.
   *
   * @throws {PiriError} FAILED_PRECONDITION from source; UNAVAILABLE without a service manager; DENIED, DISK; REFUSED for a
   * version that must not take over
   */
  async copyProgram(
    trial?: { readonly dir: string } & TrialOptions,
  ): Promise<readonly Step[]> {
    const { name, system, version, beginTrial } = this.#options;
    const host = await this.#host();
    const executable = this.#ownExecutable();
    if (installationOf(executable) === "package") return [];
    return await placeInSlot(name, {
      executable,
      version,
      places: this.#places(host),
      system,
      inUse: host.kind === "windows"
        ? (await host.status()).executable
        : undefined,
      beforeSwitch: trial === undefined || !hasGuard(name, host)
        ? undefined
        : beginTrial && ((change) => beginTrial({ ...change, ...trial })),
    });
  }

  /** Stops the service and removes it with its slots. The state folder stays, unless it is purged. */
  async uninstall(
    { dir, purge }: { readonly dir: string; readonly purge: boolean },
  ): Promise<ServiceReport & { readonly stateDir: string }> {
    const { system } = this.#options;
    const host = await this.#host();
    const { dir: named, executable } = await host.status();
    const stateDir = named ?? dir;
    const steps = [...await host.uninstall()];
    if (executable === undefined || installationOf(executable) === "slots") {
      steps.push(...await removeSlots(this.#places(host), system));
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
   * Lets the service start as the version that is installed, and waits until a trial of it has ended.
   *
   * @throws {PiriError} FAILED_PRECONDITION if the version was given up; TIMED_OUT if nothing is decided in time
   */
  async restartOnTrial(dir: string): Promise<ServiceReport> {
    const { clock, name } = this.#options;
    const host = await this.#installed("restart");
    const { update } = await this.status(dir);
    if (update?.state !== "trial") return await this.restart();
    // A first start that fails is a start of the trial.
    const steps = await host.restart().catch(() => []);
    const confirmed = await untilConfirmed(update, {
      clock,
      look: () => this.status(dir),
      more: `see ${name} service status, and ${host.logLine}`,
    });
    return { manager: host.kind, steps: [...steps, confirmed], hints: [] };
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
    const { executable } = state;
    const versionOnDisk = executable && await versionOf(executable, system);
    const update = await this.#options.lastUpdate?.(stateDir);
    return {
      ...state,
      manager: host.kind,
      scope: host.scope,
      stateDir,
      installation: executable === undefined
        ? undefined
        : installationOf(executable),
      versionOnDisk,
      process: process?.pid === state.pid ? process : undefined,
      update: update && isAbout(update, versionOnDisk) ? update : undefined,
      logLine: host.logLine,
    };
  }

  /**
   * Waits until the service says that it is connected, and returns the address of the Manager.
   *
   * @throws {PiriError} UNAVAILABLE with its reason if it is not by then
   */
  async waitUntilConnected(dir: string, ms: number): Promise<string> {
    return await untilConnected(ms, {
      ...this.#options,
      look: () => this.status(dir),
    });
  }

  #places({ scope }: ServiceHost): SlotPlaces {
    const { name, system, version } = this.#options;
    return placesOn(system, { name, scope, version });
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

  #lingering({ scope, kind }: ServiceHost): string[] {
    if (scope !== "user" || kind !== "systemd") return [];
    const user = this.#options.system.env("USER") ?? "";
    return [
      `without a login of yours it runs only after: sudo loginctl enable-linger ${user}`
        .trim(),
    ];
  }
}
