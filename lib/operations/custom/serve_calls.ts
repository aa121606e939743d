/// <reference lib="deno.unstable" />
import type { ActPermissions } from "../../steps/custom_operation.ts";
import {
  type Call,
  type CallAnswer,
  type CallsBegin,
  MAX_CALL_BYTES,
} from "./calls.ts";

/** Main module of the threads. The build puts the bundled one here. */
const THREAD_URL = new URL("./module_worker.ts", import.meta.url);

/** Lines of a process that carries out calls. */
export interface CallLines {
  /** Lines that it gets: the first one is the beginning, all others are calls. */
  readonly lines: AsyncIterable<string>;
  /** Writes an answer. */
  write(text: string): void;
}

/**
 * Carries out calls of custom operations, one at a time, until there are no more. Each function of each operation has a
 * thread with its permissions.
 */
export async function serveCalls({ lines, write }: CallLines): Promise<void> {
  const threads = new Map<string, CallThread>();
  let begin: CallsBegin | undefined;
  for await (const line of lines) {
    if (begin === undefined) {
      begin = JSON.parse(line) as CallsBegin;
      continue;
    }
    const { token, folder } = begin;
    const call = JSON.parse(line) as Call;
    const key = JSON.stringify([call.url, call.export, call.phase]);
    const thread = threads.get(key) ??
      new CallThread(permissionsOf(call, folder));
    threads.set(key, thread);
    const answer = await thread.call(call);
    if ("error" in answer) threads.delete(key);
    // An operation may have printed a line without its end.
    write(`\n${token}${JSON.stringify(answer)}\n`);
  }
}

/** Thread with some permissions. */
class CallThread {
  readonly #worker: Worker;
  #answer: ((answer: CallAnswer) => void) | undefined;
  #id = 0;

  constructor(permissions: Deno.PermissionOptionsObject) {
    this.#worker = new Worker(THREAD_URL, {
      type: "module",
      deno: { permissions },
    });
    this.#worker.onmessage = ({ data }: MessageEvent<CallAnswer>) =>
      this.#answer?.(data);
    this.#worker.onerror = (event) => {
      // Otherwise the whole process would end.
      event.preventDefault();
      const { message, filename, lineno, colno } = event;
      this.#answer?.({
        id: this.#id,
        error: `${message}\n    at ${filename}:${lineno}:${colno}`,
      });
    };
  }

  async call(call: Call): Promise<CallAnswer> {
    this.#id = call.id;
    const answer = await new Promise<CallAnswer>((resolve) => {
      this.#answer = resolve;
      this.#worker.postMessage({ ...call, maxAnswer: MAX_CALL_BYTES / 4 });
    });
    // After an error, what the module holds in memory may be wrong.
    if ("error" in answer) this.#worker.terminate();
    return answer;
  }
}

function permissionsOf(
  { permissions, phase }: Call,
  folder: string,
): Deno.PermissionOptionsObject {
  const { env, net, read, run, sys, write }: ActPermissions = permissions;
  const list = (names: true | readonly string[] = []) =>
    names === true ? true : names.length === 0 ? false : [...names];
  return {
    env: list(env),
    ffi: false,
    import: false,
    net: list(net),
    read: read === true ? true : [folder, ...read ?? []],
    run: list(run),
    sys: list(sys),
    write: phase === "check" ? false : list(write),
  } as Deno.PermissionOptionsObject;
}

/** Lines of the standard input of this process, and its standard output. */
export function processLines(): CallLines {
  return {
    lines: linesOf(Deno.stdin.readable),
    write: (text) => {
      const bytes = new TextEncoder().encode(text);
      for (let at = 0; at < bytes.length;) {
        at += Deno.stdout.writeSync(bytes.subarray(at));
      }
    },
  };
}

async function* linesOf(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  const pieces: string[] = [];
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const [first = "", ...others] = text.split("\n");
    pieces.push(first);
    for (const other of others) {
      yield pieces.splice(0).join("");
      pieces.push(other);
    }
  }
}
