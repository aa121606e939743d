import { sleep, systemClock } from "../../base/clock.ts";
import {
  openWindowsLibrary,
  wideText,
  type WindowsLibrary,
} from "../../base/windows_library.ts";
import type {
  WindowsServiceDefinition,
  WindowsServiceFacts,
  WindowsServices,
  WindowsServiceState,
} from "./services.ts";
import {
  addressOf,
  OWN_PROCESS,
  SERVICE_SPECIFIC_ERROR,
  textAt,
  windowsError,
} from "./win32.ts";

const ATTEMPT = "manage services";

const SC_MANAGER_CONNECT = 0x0001;
const SC_MANAGER_CREATE_SERVICE = 0x0002;
const SERVICE_QUERY_CONFIG = 0x0001;
const SERVICE_QUERY_STATUS = 0x0004;
const SERVICE_ALL_ACCESS = 0xf_01ff;
const AUTO_START = 2;
const ERROR_NORMAL = 1;
const NO_CHANGE = 0xffff_ffff;

const DESCRIPTION = 1;
const FAILURE_ACTIONS = 2;
const DELAYED_AUTO_START = 3;
const FAILURE_ACTIONS_FLAG = 4;
const PRESHUTDOWN = 7;

/** Actions after a failure: to start the service again, or to run a line. */
const RESTART = 1;
const RUN_LINE = 3;

/** Waits before the actions after the first failure of a day, the second, and all others, in milliseconds. */
const RESTART_DELAYS_MS = [5_000, 30_000, 30_000];

/** Time after which failures are forgotten, in seconds. */
const FORGOTTEN_S = 86_400;

/** Time that the system gives the service when it shuts down, in milliseconds. */
const PRESHUTDOWN_MS = 30_000;

const CONTROL_STOP = 1;
const NO_SUCH_SERVICE = 1060;
const NOT_RUNNING = 1062;
const TIMEOUT = 1053;

/** Time until a service must have started or ended, in milliseconds. */
const MAX_CHANGE_MS = 60_000;

/** Time between two looks at a service, in milliseconds. */
const LOOK_MS = 100;

/** States by their numbers: SERVICE_STATUS_PROCESS, Microsoft Learn. */
const STATES: Readonly<Record<number, WindowsServiceState>> = {
  1: "stopped",
  2: "starts",
  3: "stops",
  4: "running",
};

const ADVAPI = {
  OpenSCManagerW: {
    parameters: ["pointer", "pointer", "u32"],
    result: "isize",
  },
  OpenServiceW: { parameters: ["isize", "buffer", "u32"], result: "isize" },
  CreateServiceW: {
    parameters: [
      "isize",
      "buffer",
      "buffer",
      "u32",
      "u32",
      "u32",
      "u32",
      "buffer",
      "pointer",
      "pointer",
      "pointer",
      "buffer",
      "pointer",
    ],
    result: "isize",
  },
  ChangeServiceConfigW: {
    parameters: [
      "isize",
      "u32",
      "u32",
      "u32",
      "buffer",
      "pointer",
      "pointer",
      "pointer",
      "buffer",
      "pointer",
      "buffer",
    ],
    result: "i32",
  },
  ChangeServiceConfig2W: {
    parameters: ["isize", "u32", "buffer"],
    result: "i32",
  },
  QueryServiceConfigW: {
    parameters: ["isize", "buffer", "u32", "buffer"],
    result: "i32",
  },
  QueryServiceStatusEx: {
    parameters: ["isize", "i32", "buffer", "u32", "buffer"],
    result: "i32",
  },
  StartServiceW: { parameters: ["isize", "u32", "pointer"], result: "i32" },
  ControlService: { parameters: ["isize", "u32", "buffer"], result: "i32" },
  DeleteService: { parameters: ["isize"], result: "i32" },
  CloseServiceHandle: { parameters: ["isize"], result: "i32" },
} as const;

const KERNEL = {
  GetLastError: { parameters: [], result: "u32" },
} as const;

/** The service control manager of this Windows. Its libraries stay open until the program ends. */
export class ServiceManager implements WindowsServices {
  readonly #advapi: WindowsLibrary<typeof ADVAPI>;
  readonly #kernel: WindowsLibrary<typeof KERNEL>;

  /** @throws {PiriError} DENIED if this program may load no libraries */
  constructor() {
    this.#advapi = openWindowsLibrary("advapi32.dll", ADVAPI, ATTEMPT);
    this.#kernel = openWindowsLibrary("kernel32.dll", KERNEL, ATTEMPT);
  }

  read(name: string): WindowsServiceFacts | undefined {
    using service = this.#open(
      name,
      SERVICE_QUERY_CONFIG | SERVICE_QUERY_STATUS,
    );
    if (service === undefined) return undefined;
    const { symbols } = this.#advapi;
    const config = new Uint8Array(8_192);
    const got = symbols.QueryServiceConfigW(
      service.handle,
      config,
      config.length,
      new Uint8Array(4),
    );
    if (got === 0) throw this.#error(`read the service ${name}`);
    const view = new DataView(config.buffer);
    const own = addressOf(config);
    const text = (at: number) => {
      const address = view.getBigUint64(at, true);
      return address === 0n ? "" : textAt(config, Number(address - own));
    };
    return {
      commandLine: text(16),
      account: text(48),
      displayName: text(56),
      isAutomatic: view.getUint32(4, true) === AUTO_START,
      ...this.#status(name, service.handle),
    };
  }

  create(name: string, definition: WindowsServiceDefinition): void {
    using manager = this.#connect(
      SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE,
    );
    const handle = this.#advapi.symbols.CreateServiceW(
      manager.handle,
      wideText(name),
      wideText(definition.displayName),
      SERVICE_ALL_ACCESS,
      OWN_PROCESS,
      AUTO_START,
      ERROR_NORMAL,
      wideText(definition.commandLine),
      null,
      null,
      null,
      wideText(definition.account),
      null,
    );
    if (handle === 0n) throw this.#error(`make the service ${name}`);
    using service = this.#held(handle);
    this.#complete(name, service.handle, definition);
  }

  change(name: string, definition: WindowsServiceDefinition): void {
    using service = this.#require(name);
    this.#configure(name, service.handle, definition);
    this.#complete(name, service.handle, definition);
  }

  setCommandLine(name: string, commandLine: string): void {
    using service = this.#require(name);
    this.#configure(name, service.handle, { commandLine });
  }

  async start(name: string): Promise<void> {
    using service = this.#require(name);
    const begun = this.#advapi.symbols.StartServiceW(service.handle, 0, null);
    if (begun === 0) throw this.#error(`start the service ${name}`);
    await this.#until(name, service.handle, ["running", "stopped"]);
  }

  async stop(name: string): Promise<void> {
    using service = this.#require(name);
    if (!this.#control(service.handle, CONTROL_STOP)) {
      const number = this.#kernel.symbols.GetLastError();
      if (number === NOT_RUNNING) return;
      throw windowsError(`stop the service ${name}`, number);
    }
    await this.#until(name, service.handle, ["stopped"]);
  }

  remove(name: string): void {
    using service = this.#require(name);
    if (this.#advapi.symbols.DeleteService(service.handle) !== 0) return;
    throw this.#error(`remove the service ${name}`);
  }

  send(name: string, code: number): void {
    using service = this.#require(name);
    if (this.#control(service.handle, code)) return;
    throw this.#error(`ask the service ${name} to restart`);
  }

  /** Sends a request to a service; false if Windows refuses, with its error. */
  #control(service: bigint, code: number): boolean {
    const status = new Uint8Array(28);
    return this.#advapi.symbols.ControlService(service, code, status) !== 0;
  }

  /** Changes how Windows starts a service. What is not given stays as it is. */
  #configure(
    name: string,
    service: bigint,
    { commandLine, account, displayName }:
      & Pick<WindowsServiceDefinition, "commandLine">
      & Partial<WindowsServiceDefinition>,
  ): void {
    const isWhole = account !== undefined;
    const done = this.#advapi.symbols.ChangeServiceConfigW(
      service,
      isWhole ? OWN_PROCESS : NO_CHANGE,
      isWhole ? AUTO_START : NO_CHANGE,
      isWhole ? ERROR_NORMAL : NO_CHANGE,
      wideText(commandLine),
      null,
      null,
      null,
      account === undefined ? null : wideText(account),
      null,
      displayName === undefined ? null : wideText(displayName),
    );
    if (done === 0) throw this.#error(`change the service ${name}`);
  }

  /** Sets what a service has besides its program: what happens after a failure and at a shutdown. */
  #complete(
    name: string,
    service: bigint,
    { description, recoveryLine }: WindowsServiceDefinition,
  ): void {
    const text = wideText(description);
    const pointer = new BigUint64Array([addressOf(text)]);
    const actions = new Uint32Array(
      RESTART_DELAYS_MS.flatMap((ms, i) => [
        i === 2 && recoveryLine !== undefined ? RUN_LINE : RESTART,
        ms,
      ]),
    );
    const actionBytes = new Uint8Array(actions.buffer);
    const failure = new DataView(new ArrayBuffer(40));
    const line = wideText(recoveryLine ?? "");
    failure.setUint32(0, FORGOTTEN_S, true);
    failure.setBigUint64(16, addressOf(line), true);
    failure.setUint32(24, RESTART_DELAYS_MS.length, true);
    failure.setBigUint64(32, addressOf(actionBytes), true);
    const settings: [level: number, bytes: Uint8Array<ArrayBuffer>][] = [
      [DESCRIPTION, new Uint8Array(pointer.buffer)],
      [FAILURE_ACTIONS, new Uint8Array(failure.buffer)],
      [DELAYED_AUTO_START, number32(1)],
      // An end with a code is a failure, too.
      [FAILURE_ACTIONS_FLAG, number32(1)],
      [PRESHUTDOWN, number32(PRESHUTDOWN_MS)],
    ];
    for (const [level, bytes] of settings) {
      const done = this.#advapi.symbols.ChangeServiceConfig2W(
        service,
        level,
        bytes,
      );
      if (done !== 0) continue;
      const number = this.#kernel.symbols.GetLastError();
      // Older systems lack some of them, and the service runs without.
      if (level !== FAILURE_ACTIONS) continue;
      throw windowsError(`set what restarts the service ${name}`, number);
    }
    // Read until here by their addresses.
    void [text, line, actionBytes];
  }

  #status(
    name: string,
    service: bigint,
  ): Pick<WindowsServiceFacts, "state" | "pid" | "exitCode"> {
    const status = new Uint8Array(36);
    const got = this.#advapi.symbols.QueryServiceStatusEx(
      service,
      0,
      status,
      status.length,
      new Uint8Array(4),
    );
    if (got === 0) throw this.#error(`read the state of the service ${name}`);
    const view = new DataView(status.buffer);
    const at = (place: number) => view.getUint32(place, true);
    const pid = at(28);
    return {
      state: STATES[at(4)] ?? "pausing",
      exitCode: at(12) === SERVICE_SPECIFIC_ERROR ? at(16) : at(12),
      pid: pid === 0 ? undefined : pid,
    };
  }

  async #until(
    name: string,
    service: bigint,
    wanted: readonly WindowsServiceState[],
  ): Promise<void> {
    const end = systemClock.monotonic() + MAX_CHANGE_MS;
    while (!wanted.includes(this.#status(name, service).state)) {
      if (systemClock.monotonic() >= end) {
        throw windowsError(`see the service ${name} ${wanted[0]}`, TIMEOUT);
      }
      await sleep(systemClock, LOOK_MS);
    }
  }

  #require(name: string): Held {
    const service = this.#open(name, SERVICE_ALL_ACCESS);
    if (service !== undefined) return service;
    throw windowsError(`find the service ${name}`, NO_SUCH_SERVICE);
  }

  #open(name: string, access: number): Held | undefined {
    using manager = this.#connect(SC_MANAGER_CONNECT);
    const handle = this.#advapi.symbols.OpenServiceW(
      manager.handle,
      wideText(name),
      access,
    );
    if (handle !== 0n) return this.#held(handle);
    const number = this.#kernel.symbols.GetLastError();
    if (number === NO_SUCH_SERVICE) return undefined;
    throw windowsError(`open the service ${name}`, number);
  }

  #connect(access: number): Held {
    const handle = this.#advapi.symbols.OpenSCManagerW(null, null, access);
    if (handle === 0n) throw this.#error("ask the service manager");
    return this.#held(handle);
  }

  #held(handle: bigint): Held {
    return {
      handle,
      [Symbol.dispose]: () => {
        this.#advapi.symbols.CloseServiceHandle(handle);
      },
    };
  }

  #error(attempt: string) {
    return windowsError(attempt, this.#kernel.symbols.GetLastError());
  }
}

/** Open handle, which `using` closes. */
interface Held extends Disposable {
  readonly handle: bigint;
}

function number32(value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Uint32Array([value]).buffer);
}
