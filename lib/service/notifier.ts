import type { Clock, Timer } from "../base/clock.ts";
import type { Datagrams } from "./datagram.ts";

/** Longest status in characters, so that a message is never refused for its size. */
const MAX_STATUS_CHARACTERS = 200;

/** Tells the service manager that started this program how it fares. */
export interface Notifier extends Disposable {
  /** Says that the program needs more time for its start than it has by default, until this is called without words. */
  starting(status: string | undefined): void;
  /** Says that the program has read its settings and does its work. From then on the watchdog is kept quiet. */
  ready(status: string): void;
  /** Says in words what the program does now. */
  status(text: string): void;
  /** Says that the program ends. */
  stopping(): void;
}

/** Time that the service manager is asked for, and time between two requests, in milliseconds. */
const START_MS = 60_000;
const START_BEAT_MS = 20_000;

/** Parts of a notifier. */
export interface NotifierOptions {
  readonly env: (name: string) => string | undefined;
  readonly pid: number;
  readonly clock: Clock;
  /** Connects to the socket of the service manager; undefined if that cannot be. */
  readonly connect: (path: string) => Datagrams | undefined;
}

/** Notifies systemd as sd_notify(3) does. Does nothing in a program that systemd has not started. */
export function createNotifier(
  { env, pid, clock, connect }: NotifierOptions,
): Notifier {
  const path = env("NOTIFY_SOCKET") ?? "";
  const socket = path === "" ? undefined : connect(path);
  const everyMs = beatMs(env, pid);
  let beat: Timer | undefined;
  let start: Timer | undefined;
  const extend = () => {
    socket?.send(`EXTEND_TIMEOUT_USEC=${START_MS * 1_000}`);
    start = clock.timer(START_BEAT_MS, extend);
  };
  const tick = () => {
    socket?.send("WATCHDOG=1");
    beat = everyMs === undefined ? undefined : clock.timer(everyMs, tick);
  };
  return {
    starting(status) {
      start?.cancel();
      if (socket === undefined || status === undefined) return;
      socket.send(`STATUS=${oneLine(status)}`);
      extend();
    },
    ready(status) {
      socket?.send(`READY=1\nSTATUS=${oneLine(status)}`);
      if (socket !== undefined && beat === undefined) tick();
    },
    status: (text) => void socket?.send(`STATUS=${oneLine(text)}`),
    stopping: () => void socket?.send("STOPPING=1\nSTATUS=stops"),
    [Symbol.dispose]() {
      start?.cancel();
      beat?.cancel();
      socket?.[Symbol.dispose]();
    },
  };
}

/** Time between two signs of life, in milliseconds: half of what the service manager waits for one. */
function beatMs(
  env: NotifierOptions["env"],
  pid: number,
): number | undefined {
  const micros = Number(env("WATCHDOG_USEC") ?? 0);
  const isOurs = Number(env("WATCHDOG_PID") ?? pid) === pid;
  return isOurs && micros > 0 ? Math.max(micros / 2_000, 1) : undefined;
}

function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, " ").slice(0, MAX_STATUS_CHARACTERS);
}
