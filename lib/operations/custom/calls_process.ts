import { type Clock, systemClock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { joint } from "../../base/signals.ts";
import { environmentFor } from "../environment.ts";
import { Handoff } from "../handoff.ts";
import type { OperationContext } from "../operation.ts";
import { type ProgramEnd, runProgram } from "../process.ts";
import type { ProgramUser } from "../program.ts";
import { ownUser, type User } from "../user.ts";
import {
  type Call,
  type CallAnswer,
  MAX_CALL_BYTES,
  MAX_MEMORY_MIB,
} from "./calls.ts";
import { callsArgv } from "./calls_argv.ts";
import { PrintedLines } from "./printed_lines.ts";

/** Time for the process to end by itself, in milliseconds. */
const GRACE_MS = 2_000;
/** Most characters of what one call prints that are passed on. */
const MAX_PRINTED = 262_144;

/** User that custom operations run as. */
export interface CallsUser extends User, ProgramUser {}

/** Means of a process of custom operations. */
export interface CallsProcessOptions {
  readonly context: OperationContext;
  /** Folder of the modules. */
  readonly folder: string;
  /** User to run as, if it is another one. */
  readonly user?: CallsUser | undefined;
  readonly clock?: Clock;
}

/** Means of one call. */
export interface CallOptions {
  /** Aborted to end the call, and the process with it. */
  readonly signal: AbortSignal;
  /** Longest time of the call, in milliseconds; no limit if absent. */
  readonly limitMs?: number | undefined;
  readonly print: (stream: "stdout" | "stderr", text: string) => Promise<void>;
}

/** Process that carries out calls of custom operations. */
export class CallsProcess implements AsyncDisposable {
  readonly #options: Required<Omit<CallsProcessOptions, "user">>;
  readonly #input = new Handoff<string>();
  readonly #token = `${crypto.randomUUID()} `;
  readonly #end = new AbortController();
  readonly #kill = new AbortController();
  readonly #ended: Promise<string>;
  #pending:
    | { readonly options: CallOptions; answer(answer: CallAnswer): void }
    | undefined;
  #printed = 0;
  #isOver = false;

  constructor({ user, clock = systemClock, ...options }: CallsProcessOptions) {
    this.#options = { ...options, clock };
    this.#ended = this.#run(user).catch((error) => String(error.message))
      .finally(() => this.#isOver = true);
  }

  /** True once it carries out nothing any more. */
  get isOver(): boolean {
    return this.#isOver || this.#end.signal.aborted;
  }

  /**
   * Makes a call. One at a time.
   *
   * @throws {PiriError} CANCELLED; TIMED_OUT; FAILED_PRECONDITION if the process ended, or the call is too long
   */
  async call(call: Call, options: CallOptions): Promise<CallAnswer> {
    const { signal, limitMs } = options;
    const line = JSON.stringify(call);
    if (line.length > MAX_CALL_BYTES) {
      throw failed(
        call,
        `its parameters of ${line.length} bytes are over the limit of ${MAX_CALL_BYTES}`,
      );
    }
    this.#printed = 0;
    const answered = new Promise<CallAnswer>((resolve) =>
      this.#pending = { options, answer: resolve }
    );
    const late = new AbortController();
    const timer = limitMs === undefined
      ? undefined
      : this.#options.clock.timer(limitMs, () => late.abort());
    using given = joint([signal, late.signal]);
    const giveUp = () => this.#giveUp();
    given.signal.addEventListener("abort", giveUp, { once: true });
    try {
      if (given.signal.aborted) giveUp();
      void this.#input.give(line);
      const answer = await Promise.race([answered, this.#ended]);
      if (typeof answer !== "string") return answer;
      if (signal.aborted) {
        throw new PiriError(
          "CANCELLED",
          `Cannot finish ${call.phase} of ${call.name}: the step was ended`,
        );
      }
      if (late.signal.aborted) {
        throw new PiriError(
          "TIMED_OUT",
          `Cannot finish ${call.phase} of ${call.name}: it has not ended within ${limitMs} ms`,
        );
      }
      throw failed(call, answer);
    } finally {
      timer?.cancel();
      given.signal.removeEventListener("abort", giveUp);
      this.#pending = undefined;
    }
  }

  /** Lets the process end by itself, so that what operations have started goes on; else ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#input.close();
    const timer = this.#options.clock.timer(GRACE_MS, () => this.#giveUp());
    await this.#ended;
    timer.cancel();
  }

  #giveUp(): void {
    this.#end.abort();
    const { clock } = this.#options;
    const timer = clock.timer(GRACE_MS, () => this.#kill.abort());
    void this.#ended.then(() => timer.cancel());
  }

  /** Runs the process. Returns how it ended, for people. */
  async #run(user: CallsUser | undefined): Promise<string> {
    const { context, folder, clock } = this.#options;
    using signal = joint([context.signal, this.#end.signal]);
    using kill = joint([context.kill, this.#kill.signal]);
    const token = this.#token;
    const lines = this.#input;
    const own = user ?? await ownUser();
    const events = runProgram(
      {
        argv: callsArgv(),
        cwd: "/",
        env: environmentFor(context.marker, {
          user: own,
          surroundings: context.surroundings,
          added: {
            DENO_NO_UPDATE_CHECK: "1",
            DENO_V8_FLAGS: `--max-old-space-size=${MAX_MEMORY_MIB}`,
            NO_COLOR: "1",
            ...user === undefined
              ? {}
              : { USER: user.name, LOGNAME: user.name },
          },
        }),
        ...user === undefined ? {} : { user },
        stdin: async function* () {
          const encoder = new TextEncoder();
          yield encoder.encode(`${JSON.stringify({ token, folder })}\n`);
          for (;;) {
            const line = await lines.take();
            if (line === undefined) return;
            yield encoder.encode(`${line}\n`);
          }
        },
      },
      { ...context, signal: signal.signal, kill: kill.signal },
      clock,
    );
    const decoders = {
      stdout: new TextDecoder(),
      stderr: new TextDecoder(),
    };
    const printed = new PrintedLines(token);
    try {
      for (;;) {
        const { done, value } = await events.next();
        if (done) {
          for (const each of printed.end()) {
            if (each.kind === "text") await this.#print("stdout", each.text);
          }
          return howItEnded(value);
        }
        if (value.kind !== "output") continue;
        const { stream, bytes } = value;
        const text = decoders[stream].decode(bytes, { stream: true });
        if (stream === "stderr") {
          await this.#print(stream, text);
          continue;
        }
        for (const each of printed.add(text)) {
          if (each.kind === "text") await this.#print(stream, each.text);
          else this.#pending?.answer(JSON.parse(each.line) as CallAnswer);
        }
      }
    } finally {
      lines.close();
      await events.return({ outputCut: false });
    }
  }

  async #print(stream: "stdout" | "stderr", text: string): Promise<void> {
    const left = MAX_PRINTED - this.#printed;
    this.#printed += text.length;
    if (left <= 0 || text === "") return;
    await this.#pending?.options.print(stream, text.slice(0, left));
  }
}

function failed({ name, phase }: Call, why: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot finish ${phase} of ${name}: ${why}`,
  );
}

function howItEnded({ exitCode, signal }: ProgramEnd): string {
  const how = signal ??
    (exitCode === undefined ? "no sign" : `exit code ${exitCode}`);
  return `the process of the custom operations ended with ${how}; it may use ${MAX_MEMORY_MIB} MiB of memory`;
}
