import { join } from "@std/path";
import { systemClock } from "./base/clock.ts";
import { messageOf, PiriError } from "./base/errors.ts";
import { logger } from "./base/log.ts";
import { thisHost } from "./base/paths.ts";
import { Turns } from "./base/turns.ts";
import { VERSION } from "./base/version.ts";
import type { ServiceManagerLink } from "./cli/life.ts";
import type { WindowsLife } from "./cli/service_acts.ts";
import { windowsFor } from "./own_windows.ts";
import { connectDatagram } from "./service/datagram.ts";
import { HostFiles } from "./service/host_files.ts";
import type { HostSystem, Ran } from "./service/host_system.ts";
import { createNotifier, type Notifier } from "./service/notifier.ts";
import { ReplacedWatch } from "./service/replaced.ts";
import { type RunningFacts, writeRunningNote } from "./service/running_note.ts";
import {
  ServiceControl,
  type ServiceControlOptions,
} from "./service/service_control.ts";
import type { ServiceName } from "./service/service_host.ts";
import { readUpdateNote } from "./update/update_note.ts";
import { isStartedByServiceManager } from "./service/started_by.ts";
import { RESTART_CODE } from "./service/windows/services.ts";

const env = (name: string) => Deno.env.get(name);

/** System of this host, for the service of a program. */
async function thisSystem(name: ServiceName): Promise<HostSystem> {
  const { os, privileged } = thisHost();
  const windows = os === "windows" ? await windowsFor(name) : undefined;
  return {
    os,
    isRoot: privileged,
    files: windows?.files ?? new HostFiles(),
    env,
    run: runProgram,
    askToRestart: windows === undefined
      ? askToRestart
      : () => windows.services.send(name, RESTART_CODE),
    ...windows === undefined ? {} : { windows },
  };
}

/** Lets this process be the service of Windows for which it was started. See `WithWindowsService`. */
export async function asWindowsService(
  name: ServiceName,
  live: (life: WindowsLife) => Promise<number>,
): Promise<number> {
  if (Deno.build.os !== "windows") {
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot run as a service of Windows: this is ${Deno.build.os}; run ${name} service install`,
    );
  }
  const { runAsService } = await import("./service/windows/dispatcher.ts");
  const { reportEvent } = await import("./service/windows/event_log.ts");
  return await runAsService(name, (life) =>
    live({
      ...life,
      report: (kind, text) => reportEvent(name, kind, text),
    }));
}

/** Runs a program to its end. Its texts are in English and its times in UTC, so that they can be read. */
async function runProgram(
  program: string,
  ...args: readonly string[]
): Promise<Ran> {
  const decoder = new TextDecoder();
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      env: { LC_ALL: "C", TZ: "UTC", SYSTEMD_COLORS: "0", SYSTEMD_PAGER: "" },
    }).output();
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { code: 127, stdout: "", stderr: "" };
    }
    return { code: 126, stdout: "", stderr: messageOf(error) };
  }
}

function askToRestart(pid: number): void {
  try {
    Deno.kill(pid, "SIGUSR1");
  } catch (error) {
    const hasEnded = error instanceof Deno.errors.NotFound;
    throw new PiriError(
      hasEnded ? "NOT_FOUND" : "DENIED",
      `Cannot ask the process ${pid} to restart: ${
        hasEnded ? "it has ended" : messageOf(error)
      }`,
      { cause: error },
    );
  }
}

/** Service of this program on this host. */
export async function ownService(
  name: ServiceName,
  checkState: ServiceControlOptions["checkState"],
  more: Pick<ServiceControlOptions, "leaveFleet" | "beginTrial"> = {},
): Promise<ServiceControl> {
  return new ServiceControl({
    ...more,
    name,
    system: await thisSystem(name),
    clock: systemClock,
    executable: Deno.build.standalone ? Deno.execPath() : undefined,
    version: VERSION,
    checkState,
    lastUpdate: (dir) => readUpdateNote(new HostFiles(), dir),
  });
}

/** Facts about the connection of a program. */
type LinkFacts = Pick<RunningFacts, "connected" | "detail">;

function hasServiceManager(name: ServiceName): boolean {
  return isStartedByServiceManager(name, { env, pid: Deno.pid });
}

/** Identifies the file of this program; undefined if there is none, or the program runs from source. */
async function ownFile(): Promise<string | undefined> {
  if (!Deno.build.standalone) return undefined;
  try {
    const { dev, ino, size, mtime } = await Deno.stat(OWN_PATH);
    return [dev, ino, size, mtime?.getTime()].join(" ");
  } catch {
    return undefined;
  }
}

/** Path of the running program. Asked at the start: later, Linux may say that the file was deleted. */
const OWN_PATH = Deno.execPath();

/** Tells the service manager, and `service status`, how this program fares. */
export class OwnState implements Disposable {
  readonly #name: ServiceName;
  readonly #dir: string;
  readonly #notifier: Notifier;
  readonly #manager: ServiceManagerLink | undefined;
  readonly #writes = new Turns();
  readonly #file: ReplacedWatch;
  #facts: LinkFacts | undefined;
  #isReady = false;
  #isReplaced = false;

  /** @param manager Service manager that is told directly. */
  constructor(
    name: ServiceName,
    dir: string,
    manager: ServiceManagerLink | undefined,
  ) {
    this.#name = name;
    this.#dir = dir;
    this.#manager = manager;
    this.#notifier = createNotifier({
      env,
      pid: Deno.pid,
      clock: systemClock,
      connect: connectDatagram,
    });
    this.#file = new ReplacedWatch({
      clock: systemClock,
      identify: ownFile,
      onReplaced: () => this.#replaced(),
    });
  }

  /** Says that the program does its work. What it said about its connection before stands. */
  ready(facts: LinkFacts): void {
    this.#facts ??= facts;
    this.#isReady = true;
    this.#notifier.ready(textOf(this.#facts));
    this.#manager?.ready();
    this.#write(this.#facts);
    void this.#file.start();
  }

  /** Says that the connection is another. */
  changed(facts: LinkFacts): void {
    this.#facts = facts;
    if (!this.#isReady) return;
    this.#notifier.status(textOf(facts));
    this.#write(facts);
  }

  /** Says whether the start takes as long as the database demands. */
  upgrading(isOn: boolean): void {
    this.#notifier.starting(isOn ? "changes the database" : undefined);
  }

  /** Says that the program ends, and whether it should be started again. */
  stopping(isRestart: boolean): void {
    this.#notifier.stopping();
    this.#manager?.stopping(isRestart);
  }

  /** True if a service manager has started this process, and starts it again when it ends. */
  get isManaged(): boolean {
    return this.#manager !== undefined || hasServiceManager(this.#name);
  }

  /** File for the log of a program whose service manager keeps none; undefined for standard error. */
  get logFile(): string | undefined {
    return this.#manager === undefined
      ? undefined
      : join(this.#dir, "log", `${this.#name}.log`);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
    this.#notifier[Symbol.dispose]();
  }

  #replaced(): void {
    this.#isReplaced = true;
    logger("service").warning(
      "The file of this program was replaced: it runs as version {version} until it restarts",
      { version: VERSION },
    );
    if (this.#facts !== undefined) this.#write(this.#facts);
  }

  #write(facts: LinkFacts): void {
    const note = {
      pid: Deno.pid,
      version: VERSION,
      ...facts,
      restartable: this.isManaged,
      ...this.#isReplaced ? { replaced: true } : {},
    };
    this.#writes.run(() => writeRunningNote(this.#dir, note)).catch((error) =>
      logger("service").warning("{error}", { error: messageOf(error) })
    );
  }
}

function textOf({ connected, detail }: LinkFacts): string {
  return connected === null
    ? detail
    : connected
    ? `connected to ${detail}`
    : `not connected${detail && `: ${detail}`}`;
}
