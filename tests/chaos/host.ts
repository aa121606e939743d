import { type Clock, sleep } from "../../lib/base/clock.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { Turns } from "../../lib/base/turns.ts";
import { Daemon } from "../../scripts/local/daemon.ts";

/** So many logs of a host are kept, of its newest programs. */
const LOGS = 4;

/** The exit code of a program that SIGTERM has ended. */
const SIGTERM_CODE = 143;

/** What a host runs. */
export interface HostOptions {
  readonly argv: readonly string[];
  readonly clock: Clock;
  /** What it prints once it is ready; undefined if it prints nothing. */
  readonly ready?: RegExp;
}

/** Where one of the two programs runs, is killed and is started again. */
export class Host implements AsyncDisposable {
  readonly name: string;
  /** How often it was ended without a word. */
  kills = 0;
  /** How often it was asked to end. */
  stops = 0;
  /** How often its connection was hurt since it was started: it dials ever more rarely. */
  troubles = 0;
  /** What it did that it should not have done. */
  readonly complaints: string[] = [];
  readonly #options: HostOptions;
  readonly #turns = new Turns();
  readonly #programs: Daemon[] = [];
  #expectsEnd = false;

  constructor(name: string, options: HostOptions) {
    this.name = name;
    this.#options = options;
  }

  /** The logs of its newest programs. */
  get log(): string {
    return this.#programs
      .map(({ log, pid }) => `--- ${this.name}, process ${pid} ---\n${log}`)
      .join("\n");
  }

  /** The process that runs now. */
  get pid(): number {
    return this.#daemon.pid;
  }

  start(): Promise<void> {
    return this.#turns.run(() => this.#start());
  }

  /** SIGKILL, and started again after a while. */
  kill(awayMs: number): Promise<void> {
    return this.#turns.run(async () => {
      this.kills++;
      await this.#end("SIGKILL");
      await sleep(this.#options.clock, awayMs);
      await this.#start();
    });
  }

  /** SIGTERM, and started again after a while. */
  restart(awayMs: number): Promise<void> {
    return this.#turns.run(async () => {
      this.stops++;
      await this.#end("SIGTERM");
      await sleep(this.#options.clock, awayMs);
      await this.#start();
    });
  }

  /** Stops it where it is, and has it go on after a while. */
  pause(ms: number): Promise<void> {
    return this.#turns.run(async () => {
      const { pid } = this;
      Deno.kill(pid, "SIGSTOP");
      await sleep(this.#options.clock, ms);
      Deno.kill(pid, "SIGCONT");
    });
  }

  /** Resolves once what it was told before is done. */
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
    // One that has not begun yet does not listen yet.
    const isEarly = code === SIGTERM_CODE && daemon.log === "";
    if (signal === "SIGTERM" && code !== 0 && !isEarly) {
      this.complaints.push(
        `${this.name} was asked to end, and ended with ${code}`,
      );
    }
  }
}
