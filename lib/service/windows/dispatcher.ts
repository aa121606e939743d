import { type Clock, systemClock, type Timer } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { openWindowsLibrary, wideText } from "../../base/windows_library.ts";
import type { ServiceName } from "../service_host.ts";
import { RESTART_CODE } from "./services.ts";
import { addressOf, OWN_PROCESS, SERVICE_SPECIFIC_ERROR } from "./win32.ts";

const ATTEMPT = "run as a service";

/** States that a service tells Windows: SERVICE_STATUS, Microsoft Learn. */
const STOPPED = 1;
const START_PENDING = 2;
const STOP_PENDING = 3;
const RUNNING = 4;

/** Requests that are understood: to stop, to read the settings again, and that the system shuts down. */
const ACCEPTED = 0x0001 | 0x0008 | 0x0100;

const NO_ERROR = 0;
const CALL_NOT_IMPLEMENTED = 120;

/** Time until the next word about a start or an end that is under way, in milliseconds. */
const BEAT_MS = 2_000;

/** Longest silence that Windows should bear meanwhile, in milliseconds. */
const HINT_MS = 20_000;

const SERVICE_MAIN = {
  parameters: ["u32", "pointer"],
  result: "void",
} as const;
const HANDLER = {
  parameters: ["u32", "u32", "pointer", "pointer"],
  result: "u32",
} as const;

const ADVAPI = {
  // Stays until the service has ended.
  StartServiceCtrlDispatcherW: {
    parameters: ["buffer"],
    result: "i32",
    nonblocking: true,
  },
  RegisterServiceCtrlHandlerExW: {
    parameters: ["buffer", "function", "pointer"],
    result: "isize",
  },
  SetServiceStatus: { parameters: ["isize", "buffer"], result: "i32" },
} as const;

/** Request of Windows to a running service. */
export type ServiceRequest = "stop" | "reload" | "restart";

/** Requests by their numbers. 128 and above are the service's own. */
export const REQUESTS: ReadonlyMap<number, ServiceRequest> = new Map([
  [1, "stop"],
  [5, "stop"],
  [6, "reload"],
  [15, "stop"],
  [RESTART_CODE, "restart"],
]);

/** Request to say again how the service fares. */
const INTERROGATE = 4;

/** Service that Windows has started, and its words with Windows. */
export interface WindowsLife {
  /** Calls back at each request of this kind. */
  onRequest(request: ServiceRequest, callback: () => void): Disposable;
  /** Tells Windows that the service does its work. */
  ready(): void;
  /** Tells Windows that the service ends. */
  stopping(): void;
}

/**
 * Lets this process be the service that Windows has started it for, until `live` has ended. Windows then takes the
 * service as ended, with the exit code that `live` returns, which is returned here, too.
 *
 * Source: Service Programs, Microsoft Learn.
 *
 * @throws {PiriError} FAILED_PRECONDITION if Windows has not started this process as a service
 */
export async function runAsService(
  name: ServiceName,
  live: (life: WindowsLife) => Promise<number>,
  clock: Clock = systemClock,
): Promise<number> {
  using advapi = openWindowsLibrary("advapi32.dll", ADVAPI, ATTEMPT);
  const { symbols } = advapi;
  const wideName = wideText(name);
  const listeners = new Map<ServiceRequest, Set<() => void>>();
  const started = Promise.withResolvers<StatusWriter>();
  let status: StatusWriter | undefined;

  using callbacks = new DisposableStack();
  const handler = Deno.UnsafeCallback.threadSafe(HANDLER, (control) => {
    if (control === INTERROGATE) return NO_ERROR;
    const request = REQUESTS.get(control);
    if (request === undefined) return CALL_NOT_IMPLEMENTED;
    if (request === "stop") status?.tell(STOP_PENDING);
    // Later: Windows waits until this has returned.
    queueMicrotask(() => {
      for (const listener of listeners.get(request) ?? []) listener();
    });
    return NO_ERROR;
  });
  callbacks.defer(() => handler.close());
  const main = Deno.UnsafeCallback.threadSafe(SERVICE_MAIN, () => {
    const handle = symbols.RegisterServiceCtrlHandlerExW(
      wideName,
      handler.pointer,
      null,
    );
    status = new StatusWriter((bytes) => {
      symbols.SetServiceStatus(handle, bytes);
    }, clock);
    status.tell(START_PENDING);
    started.resolve(status);
  });

  callbacks.defer(() => main.close());
  const dispatcher = symbols.StartServiceCtrlDispatcherW(
    tableOf(wideName, main.pointer),
  ).then((done) => done !== 0);
  const first = await Promise.race([started.promise, dispatcher]);
  if (typeof first === "boolean") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot run as a service: Windows has not started this program as one; run ${name} service start, or without a service ${name} ${
        name === "piri-agent" ? "run" : "serve"
      }`,
    );
  }
  const code = await live({
    onRequest(request, callback) {
      const set = listeners.get(request) ?? new Set();
      listeners.set(request, set.add(callback));
      return { [Symbol.dispose]: () => void set.delete(callback) };
    },
    ready: () => first.tell(RUNNING),
    stopping: () => first.tell(STOP_PENDING),
  });
  first.tell(STOPPED, code);
  await dispatcher;
  return code;
}

/** Table of the one service of this process: SERVICE_TABLE_ENTRYW, and an empty entry. */
function tableOf(
  name: Uint8Array<ArrayBuffer>,
  main: Deno.PointerObject,
): Uint8Array<ArrayBuffer> {
  const table = new BigUint64Array(4);
  table[0] = addressOf(name);
  table[1] = Deno.UnsafePointer.value(main);
  return new Uint8Array(table.buffer);
}

/** Words about a service that Windows gets. While it starts or ends, they are repeated. */
export class StatusWriter {
  readonly #write: (status: Uint8Array<ArrayBuffer>) => void;
  readonly #clock: Clock;
  #state = 0;
  #checkpoint = 0;
  #beat: Timer | undefined;

  constructor(
    write: (status: Uint8Array<ArrayBuffer>) => void,
    clock: Clock,
  ) {
    this.#write = write;
    this.#clock = clock;
  }

  /** Tells a state. A service that ends does not run again, and one that has ended says no more. */
  tell(state: number, exitCode = 0): void {
    if (this.#state === STOPPED) return;
    if (this.#state === STOP_PENDING && state !== STOPPED) return;
    this.#beat?.cancel();
    this.#state = state;
    this.#send(exitCode);
  }

  #send(exitCode: number): void {
    const isPending = this.#state === START_PENDING ||
      this.#state === STOP_PENDING;
    this.#checkpoint = isPending ? this.#checkpoint + 1 : 0;
    // SERVICE_STATUS: type, state, accepted requests, two exit codes, checkpoint, and a hint how long to wait.
    const status = Uint32Array.of(
      OWN_PROCESS,
      this.#state,
      this.#state === RUNNING ? ACCEPTED : 0,
      exitCode === 0 ? NO_ERROR : SERVICE_SPECIFIC_ERROR,
      exitCode,
      this.#checkpoint,
      isPending ? HINT_MS : 0,
    );
    this.#write(new Uint8Array(status.buffer));
    if (!isPending) return;
    this.#beat = this.#clock.timer(BEAT_MS, () => this.#send(0));
  }
}
