import type { Clock, Timer } from "../base/clock.ts";
import type { Datagrams } from "./datagram.ts";

/** Longest status in characters, so that a message is never refused for its size. */
const MAX_STATUS_CHARACTERS = 200;

/** Tells the service manager that started this program how it fares. */
export interface Notifier extends Disposable {
  /** Says that the program has read its settings and does its work. From then on the watchdog is kept quiet. */
  ready(status: string): void;
  /** Says in words what the program does now. */
  status(text: string): void;
  /** Says that the program ends. */
  stopping(): void;
}

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
  const tick = () => {
    socket?.send("WATCHDOG=1");
    beat = everyMs === undefined ? undefined : clock.timer(everyMs, tick);
  };
  return {
    ready(status) {
      socket?.send(`READY=1\nSTATUS=${oneLine(status)}`);
      if (socket !== undefined && beat === undefined) tick();
    },
    status: (text) => void socket?.send(`STATUS=${oneLine(text)}`),
    stopping: () => void socket?.send("STOPPING=1\nSTATUS=stops"),
    [Symbol.dispose]() {
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
