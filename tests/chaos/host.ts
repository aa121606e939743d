import { type Clock, sleep } from "../../lib/base/clock.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { Turns } from "../../lib/base/turns.ts";
import { Daemon } from "../../scripts/local/daemon.ts";

/** Number of logs kept of a host, of its newest programs. */
const LOGS = 4;

/** Exit code of a program that SIGTERM has ended. */
const SIGTERM_CODE = 143;

export interface HostOptions {
  readonly argv: readonly string[];
  readonly clock: Clock;
  /** First line that it prints once it is ready, or undefined if it prints nothing. */
  readonly ready?: RegExp;
}

/** A host of one of the two programs, which kills it and starts it again. */
export class Host implements AsyncDisposable {
  readonly name: string;
  /** Number of ends without a warning. */
  kills = 0;
  /** Number of ends by request. */
  stops = 0;
  /** Number of faults of its connection since its start. An agent dials less often after each. */
  troubles = 0;
  /** Forbidden behaviour that was seen. */
  readonly complaints: string[] = [];
  readonly #options: HostOptions;
  readonly #turns = new Turns();
  readonly #programs: Daemon[] = [];
  #expectsEnd = false;

  constructor(name: string, options: HostOptions) {
    this.name = name;
    this.#options = options;
  }

  /** Logs of its newest programs. */
  get log(): string {
    return this.#programs
      .map(({ log, pid }) => `--- ${this.name}, process ${pid} ---\n${log}`)
      .join("\n");
  }

  /** Process id of the current program. */
  get pid(): number {
    return this.#daemon.pid;
  }

  start(): Promise<void> {
    return this.#turns.run(() => this.#start());
  }

  /** Kills the program with SIGKILL, and starts it again after a while. */
  kill(awayMs: number): Promise<void> {
    return this.#turns.run(async () => {
      this.kills++;
      await this.#end("SIGKILL");
      await sleep(this.#options.clock, awayMs);
      await this.#start();
    });
  }

  /** Ends the program with SIGTERM, and starts it again after a while. */
  restart(awayMs: number): Promise<void> {
    return this.#turns.run(async () => {
      this.stops++;
      await this.#end("SIGTERM");
      await sleep(this.#options.clock, awayMs);
      await this.#start();
    });
  }

  /** Stops the program with SIGSTOP, and continues it after a while. */
  pause(ms: number): Promise<void> {
    return this.pauseWhile(() => sleep(this.#options.clock, ms));
  }

  /** Stops the program with SIGSTOP, and continues it once the work is done. */
  pauseWhile(work: () => Promise<void>): Promise<void> {
    return this.#turns.run(async () => {
      const { pid } = this;
      Deno.kill(pid, "SIGSTOP");
      try {
        await work();
      } finally {
        Deno.kill(pid, "SIGCONT");
      }
    });
  }

  /** Resolves once all earlier calls are done. */
  async settled(): Promise<void> {
    await this.#turns.run(() => Promise.resolve());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns.run(async () => {
      this.#expectsEnd = true;
      await this.#programs.at(-1)?.stop();
    });
  }

  get #daemon(): Daemon {
    const daemon = this.#programs.at(-1);
    if (daemon !== undefined) return daemon;
    throw new TypeError(`${this.name} was never started`);
  }

  async #start(): Promise<void> {
    const { argv, clock, ready } = this.#options;
    this.#expectsEnd = false;
    this.troubles = 0;
    const daemon = new Daemon(this.name, { argv, clock });
    this.#programs.push(daemon);
    if (this.#programs.length > LOGS) this.#programs.shift();
    daemon.ended.then(({ code, signal }) => {
      if (daemon !== this.#programs.at(-1) || this.#expectsEnd) return;
      this.complaints.push(
        `${this.name} ended by itself, with ${signal ?? code}`,
      );
    });
    if (ready === undefined) return;
    const line = await daemon.line();
    if (!ready.test(line)) {
      throw new PiriError("INTERNAL", `Cannot go on: it printed "${line}"`);
    }
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const daemon = this.#daemon;
    this.#expectsEnd = true;
    Deno.kill(daemon.pid, signal);
    const { code } = await daemon.ended;
    await daemon.stop();
    // A program that has just been started does not handle SIGTERM yet.
    const isEarly = code === SIGTERM_CODE && daemon.log === "";
    if (signal === "SIGTERM" && code !== 0 && !isEarly) {
      this.complaints.push(
        `${this.name} was asked to end, and ended with ${code}`,
      );
    }
  }
}
