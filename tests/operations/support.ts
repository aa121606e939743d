import { PiriError } from "../../lib/base/errors.ts";
import type {
  DataSource,
  OperationContext,
  OperationEvent,
  Outcome,
  ProcessIdentity,
} from "../../lib/operations/operation.ts";
import { openLibc } from "../../lib/operations/libc.ts";
import {
  readTimerSlack,
  timerSlackOf,
} from "../../lib/operations/timer_slack.ts";

// Once for all: a test that opened it would be blamed for not closing it.
openLibc();

/** Whether these tests can tell by its timer slack whose a process is. */
export const timerSlackIsShown = Deno.build.os === "linux" &&
  readTimerSlack(1) !== undefined;

/** What a running operation gets, with the levers of whoever runs it. */
export interface TestContext extends OperationContext {
  readonly processes: ProcessIdentity[];
  stopNow(): void;
  killNow(): void;
}

/** A context of a command that nobody else has. */
export function newContext(data: DataSource = noData): TestContext {
  const stop = new AbortController();
  const kill = new AbortController();
  const processes: ProcessIdentity[] = [];
  const marker = `test-${crypto.randomUUID()}`;
  return {
    commandId: 1n,
    marker,
    timerSlack: timerSlackOf(marker),
    signal: stop.signal,
    kill: kill.signal,
    stopRequested: () => stop.signal.aborted,
    started: (identity) => processes.push(identity),
    data,
    processes,
    stopNow: () => stop.abort(),
    killNow: () => kill.abort(),
  };
}

const noData: DataSource = {
  text: () => Promise.reject(new PiriError("NOT_FOUND", "There is no data")),
  bytes: () => Promise.reject(new PiriError("NOT_FOUND", "There is no data")),
};

/** What came of an operation. */
export interface Finished {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly progress: readonly { current: number; total: number }[];
  /** The largest buffer that came, in bytes. */
  readonly largestPiece: number;
  readonly outcome: Outcome;
}

/** Runs an operation to its end. `onText` hears each piece of standard output when it comes. */
export async function finish(
  events: AsyncGenerator<OperationEvent, Outcome>,
  onText: (text: string) => void | Promise<void> = () => {},
): Promise<Finished> {
  const output = {
    stdout: [] as Uint8Array<ArrayBuffer>[],
    stderr: [] as Uint8Array<ArrayBuffer>[],
  };
  const progress: { current: number; total: number }[] = [];
  let largestPiece = 0;
  for (;;) {
    const { done, value } = await events.next();
    if (done) {
      return {
        stdout: await joined(output.stdout),
        stderr: await joined(output.stderr),
        progress,
        largestPiece,
        outcome: value,
      };
    }
    if (value.kind === "progress") {
      progress.push({ current: value.current, total: value.total });
      continue;
    }
    output[value.stream].push(value.bytes);
    largestPiece = Math.max(largestPiece, value.bytes.buffer.byteLength);
    if (value.stream === "stdout") await onText(textOf(value.bytes));
  }
}

async function joined(
  pieces: Uint8Array<ArrayBuffer>[],
): Promise<Uint8Array> {
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

/** Bytes as text. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The living processes whose command line has this in it (Linux). */
export function processesWith(text: string): number[] {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name));
  return pids.filter((pid) => {
    try {
      // A zombie's is empty.
      const line = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
      return pid !== Deno.pid && line.includes(text);
    } catch {
      return false;
    }
  });
}

/** A number of seconds, about an hour, that is a sleep's in no other test. */
export function uniqueSeconds(): string {
  const [digits = 0] = crypto.getRandomValues(new Uint32Array(1));
  return `3600.${digits}`;
}

/** Resolves once this is so; fails when it is not within 10 s. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + 10_000;
  while (!await isSo()) {
    if (performance.now() > end) throw new Error(`Not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
