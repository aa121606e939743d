import { createHash } from "node:crypto";
import { PiriError } from "../../lib/base/errors.ts";
import { Sealed } from "../../lib/base/sealed.ts";
import type {
  DataSource,
  OperationContext,
  OperationEvent,
  Outcome,
  ProcessIdentity,
} from "../../lib/operations/operation.ts";
import { noGuard } from "../../lib/operations/guard.ts";
import { openLibc } from "../../lib/operations/libc.ts";
import { byteCalls } from "../../lib/files/byte_calls.ts";
import {
  standardSurroundings,
  type Surroundings,
} from "../../lib/operations/surroundings.ts";
import {
  readTimerSlack,
  timerSlackOf,
} from "../../lib/operations/timer_slack.ts";

// Opened once here: a test that opened it would fail for not closing it.
openLibc();
byteCalls();

/** True if these tests can recognize a process by its timer slack. */
export const timerSlackIsShown = Deno.build.os === "linux" &&
  readTimerSlack(1) !== undefined;

/** Context of a running operation, with the controls of the one who runs it. */
export interface TestContext extends OperationContext {
  readonly processes: ProcessIdentity[];
  stopNow(): void;
  killNow(): void;
}

/** Makes a context of a command that no other test has. */
export function newContext(
  data: DataSource = noData,
  surroundings: Partial<Surroundings> = {},
): TestContext {
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
    secret: async (name) => new Sealed(await data.text("secret", { name })),
    guard: noGuard,
    surroundings: { ...standardSurroundings(), ...surroundings },
    processes,
    stopNow: () => stop.abort(),
    killNow: () => kill.abort(),
  };
}

const noData: DataSource = {
  text: () => Promise.reject(new PiriError("NOT_FOUND", "There is no data")),
  bytes: () => Promise.reject(new PiriError("NOT_FOUND", "There is no data")),
};

/** Blob of a Manager in memory. */
export interface MemoryBlob {
  readonly sha256: string;
  readonly data: DataSource;
  /** Bytes that were asked for and are there. */
  served: number;
  requests: number;
  /** Answer to all requests from now on. */
  refuse: PiriError | undefined;
}

/** Makes a blob of bytes. */
export function blobOf(content: Uint8Array): MemoryBlob {
  const blob: MemoryBlob = {
    sha256: createHash("sha256").update(content).digest("hex"),
    served: 0,
    requests: 0,
    refuse: undefined,
    data: {
      text: noData.text,
      bytes: (_type, params) => {
        const { offset, length } = params as { offset: number; length: number };
        blob.requests++;
        if (blob.refuse !== undefined) return Promise.reject(blob.refuse);
        const bytes = content.slice(offset, offset + length);
        blob.served += bytes.length;
        return Promise.resolve(bytes);
      },
    },
  };
  return blob;
}

/** Result of an operation. */
export interface Finished<End = Outcome> {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly progress: readonly { current: number; total: number }[];
  /** Size of the largest buffer that came, in bytes. */
  readonly largestPiece: number;
  readonly outcome: End;
}

/** Runs an operation to its end. Calls `onText` with each piece of standard output when it comes. */
export async function finish<End = Outcome>(
  events: AsyncGenerator<OperationEvent, End>,
  onText: (text: string) => void | Promise<void> = () => {},
): Promise<Finished<End>> {
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

/** Decodes bytes as text. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Living processes with this text in their command line (Linux). */
export function processesWith(text: string): number[] {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name));
  return pids.filter((pid) => {
    try {
      // A zombie has an empty command line.
      const line = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
      return pid !== Deno.pid && line.includes(text);
    } catch {
      return false;
    }
  });
}

/** Number of seconds, about an hour, that no other test sleeps. */
export function uniqueSeconds(): string {
  const [digits = 0] = crypto.getRandomValues(new Uint32Array(1));
  return `3600.${digits}`;
}
