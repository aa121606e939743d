import { HashingOutput } from "../../lib/agent/workers/printed_hashes.ts";
import type {
  ReapReceipt,
  StreamName,
} from "../../lib/operations/operation.ts";
import type {
  Workers,
  WorkHandle,
  WorkItem,
  WorkOutcome,
  WorkSink,
} from "../../lib/agent/workers/workers.ts";
import type { Timer } from "../../lib/base/clock.ts";
import type { Life } from "./life.ts";
import type { Plant } from "./plants.ts";
import { expectedBytes, type Program } from "./program.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { SurvivingPrograms } from "./surviving_programs.ts";
import type { Trace } from "./trace.ts";
import { type Fate, hex, type Truth } from "./truth.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** Limit of commands at the same time. It is below the agent's own limit, so that the limit is reached. */
const MAX_CHILDREN = 12;

/** Parts of a host. */
export interface HostOptions {
  readonly agent: string;
  /** Differences of the program that starts now from what its command says. */
  readonly program: () => Partial<Program>;
  readonly time: VirtualTime;
  readonly truth: Truth;
  readonly trace: Trace;
  readonly random: SeededRandom;
  /** True if both sides have lost their disks: then, and only then, an effect may repeat. */
  readonly mayRepeat: () => boolean;
  /** Bug that is planted. */
  readonly plant: Plant | undefined;
}

/** Machine with its processes, which outlive the agent that started them. */
export class Host {
  readonly options: HostOptions;
  readonly surviving: SurvivingPrograms;
  readonly #children = new Set<Child>();
  #pids = 100;

  constructor(options: HostOptions) {
    this.options = options;
    this.surviving = new SurvivingPrograms(options);
  }

  /** Count of living processes. */
  get children(): number {
    return this.#children.size + this.surviving.living;
  }

  /** Workers of one run of the agent. */
  workers(life: Life, startNumber: number): Workers {
    return {
      start: (job, sink) => {
        const told = sinkOf(life, sink);
        if (job.survival === "taken up") {
          return life.passes()
            ? this.surviving.work(job, { sink: told, life, startNumber })
            : undefined;
        }
        if (!life.passes() || this.#children.size >= MAX_CHILDREN) {
          return undefined;
        }
        const { truth } = this.options;
        truth.begins(BigInt(`0x${job.marker.split("-")[1]}`));
        if (job.survival === "started") {
          return this.surviving.work(job, { sink: told, life, startNumber });
        }
        const child = new Child(this, { job, sink: told, life, startNumber }, {
          pid: ++this.#pids,
          ended: () => this.#children.delete(child),
        });
        this.#children.add(child);
        child.begin();
        return child;
      },
      close() {},
    };
  }

  /** True if the process with this marker was asked to end, or has ended. */
  isEnding(marker: string): boolean {
    for (const child of this.#children) {
      if (child.job.marker === marker) return child.wasAsked;
    }
    return this.surviving.isEnding(marker) ?? true;
  }

  /** Ends the processes that an earlier agent left of a command. */
  async endSurvivors(marker: string): Promise<ReapReceipt> {
    const { time, random } = this.options;
    const found = [...this.#children].filter((child) =>
      child.job.marker === marker
    );
    await time.pass(random.whole(0, 50));
    for (const child of found) child.destroy();
    const lived = this.surviving.end(marker);
    return { signalled: found.length + (lived ? 1 : 0), alive: [] };
  }

  /** Notes that an agent has died: nobody reads the output of its children any more. */
  orphan(life: Life): void {
    for (const child of this.#children) child.orphan(life);
  }

  /** Ends the processes that no Manager can end any more, as an administrator would. */
  endUnknown(isCaredFor: (nonce: bigint) => boolean): void {
    for (const child of this.#children) {
      if (!isCaredFor(child.nonce)) child.finish();
    }
    this.surviving.endUnknown(isCaredFor);
  }

  /** Cuts the power: all processes end. */
  powerOff(): void {
    for (const child of this.#children) child.destroy();
    this.surviving.powerOff();
  }
}

/** Tells an agent that may stand still: its threads stand still with it. */
function sinkOf(life: Life, sink: WorkSink): WorkSink {
  return {
    started: (identity) => life.whenItRuns(() => sink.started(identity)),
    output: (stream, bytes, offset) =>
      new Promise((resolve, reject) =>
        life.whenItRuns(() =>
          void sink.output(stream, bytes, offset).then(resolve, reject)
        )
      ),
    progress: (current, total, message) =>
      life.whenItRuns(() => sink.progress(current, total, message)),
    request: (type, params) =>
      new Promise((resolve, reject) =>
        life.whenItRuns(() =>
          void sink.request(type, params).then(resolve, reject)
        )
      ),
    ended: (outcome) => life.whenItRuns(() => sink.ended(outcome)),
  };
}

interface Work {
  readonly job: WorkItem;
  readonly sink: WorkSink;
  readonly life: Life;
  readonly startNumber: number;
}

/** Process together with its worker. */
class Child implements WorkHandle {
  readonly job: WorkItem;
  readonly #host: HostOptions;
  readonly #work: Work;
  readonly #pid: number;
  readonly #ended: () => void;
  readonly #program: Program;
  readonly #nonce: bigint;
  #timer: Timer | undefined;
  #fate: Fate | undefined;
  /** True if its agent has asked it to end, though it may not listen. */
  wasAsked = false;
  #isDead = false;
  #isEnding = false;
  #left: number;
  /** Resolves once the agent has taken its last piece of output. */
  #untaken = Promise.resolve();
  readonly #hashing = new HashingOutput();
  #isOrphan = false;
  /** Ends its wait for an agent that takes no output any more. */
  #forgo: () => void = () => {};

  constructor(
    { options }: Host,
    work: Work,
    { pid, ended }: { pid: number; ended: () => void },
  ) {
    this.job = work.job;
    this.#host = options;
    this.#work = work;
    this.#pid = pid;
    this.#ended = ended;
    this.#program = { ...JSON.parse(work.job.params), ...options.program() };
    this.#nonce = BigInt(`0x${work.job.marker.split("-")[1]}`);
    this.#left = this.#program.pieces;
  }

  begin(): void {
    const { delayMs } = this.#program;
    if (delayMs === 0) this.#take();
    else this.#in(delayMs, () => this.#takeWhenItRuns());
  }

  stop(): void {
    this.wasAsked = true;
    if (!this.#work.life.passes() || this.#program.endsBy !== "stop") return;
    this.#endSoon("SIGTERM");
  }

  kill(): void {
    if (!this.#work.life.passes() || this.#program.endsBy === "nothing") return;
    this.#endSoon("SIGKILL");
  }

  abandon(): void {
    this.#host.trace.add(`worker of ${hex(this.#nonce)} is given up`);
  }

  get nonce(): bigint {
    return this.#nonce;
  }

  /** Ends as if by itself. */
  finish(): void {
    this.#endSoon("SIGHUP");
  }

  /** Notes that this agent has died. If it was its agent, nobody reads its output: it continues without. */
  orphan(life: Life): void {
    if (this.#work.life !== life) return;
    if (this.#fate === undefined) this.destroy();
    this.#isOrphan = true;
    this.#forgo();
  }

  /** Ends without a report. */
  destroy(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    if (this.#fate !== undefined) this.#fate.lives = false;
    this.#timer?.cancel();
    this.#ended();
  }

  /** A thread of an agent that stands still begins nothing. It goes with the agent, before there is a process. */
  #takeWhenItRuns(): void {
    const { life } = this.#work;
    if (life.isAlive) life.whenItRuns(() => this.#take());
    else this.destroy();
  }

  /** Starts its work. */
  #take(): void {
    const { life, sink, startNumber } = this.#work;
    // The thread died with the agent, before there was a process.
    if (!life.isAlive) return this.destroy();
    const { truth, agent, mayRepeat } = this.#host;
    this.#fate = truth.effect(this.#nonce, {
      agent,
      startNumber,
      mayRepeat: mayRepeat(),
    });
    sink.started({ pid: this.#pid, startTime: String(this.#pid) });
    sink.progress(0, this.#program.pieces, "begins");
    void this.#print();
  }

  async #print(): Promise<void> {
    const { sink, life } = this.#work;
    const { everyMs, pieces, restMs, asks } = this.#program;
    if (asks) {
      const answer = sink.request("setting", "{}").then(() => {}, () => {});
      await this.#unlessOrphaned(answer);
    }
    while (this.#left > 0 && !this.#isEnding) {
      await this.#pass(everyMs);
      if (this.#isDead || this.#isEnding) return;
      // Nobody reads any more: it continues without output until somebody ends it.
      if (!life.isAlive) break;
      const stream = this.#left % 3 === 0 ? "stderr" : "stdout";
      this.#left--;
      await this.#piece(stream);
      sink.progress(pieces - this.#left, pieces, "prints");
    }
    if (this.#isEnding) return;
    await this.#pass(restMs);
    if (!this.#isEnding) this.#end(undefined);
  }

  async #piece(stream: StreamName): Promise<void> {
    const { pieceBytes: length } = this.#program;
    const { printed } = this.#fate ?? { printed: undefined };
    if (printed === undefined) return;
    const offset = printed[stream];
    printed[stream] += length;
    const bytes = expectedBytes(this.#nonce, stream, { offset, length });
    this.#hashing.add(stream, bytes);
    this.#untaken = this.#work.sink.output(stream, bytes);
    await this.#unlessOrphaned(this.#untaken);
  }

  /** Waits without a race of one promise for all rounds: that promise would remember every round. */
  #unlessOrphaned(task: Promise<void>): Promise<void> {
    if (this.#isOrphan) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#forgo = resolve;
      task.then(resolve, reject);
    });
  }

  #endSoon(signal: string): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#in(this.#program.dyingMs, () => this.#end(signal));
  }

  #end(signal: string | undefined): void {
    if (this.#isDead) return;
    this.destroy();
    const { life, sink } = this.#work;
    if (!life.isAlive) return;
    const { exitCode } = this.#program;
    const data = { nonce: hex(this.#nonce) };
    if (this.#fate !== undefined && signal === undefined) {
      this.#fate.exitCode = exitCode;
    }
    const printed = this.#hashing.digest();
    const outcome: WorkOutcome = signal === undefined
      ? { success: exitCode === 0, changed: true, exitCode, data, printed }
      : { success: false, changed: true, signal, data, printed };
    void this.#untaken.then(() => sink.ended(outcome));
  }

  #in(ms: number, callback: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#host.time.after(ms, () => {
      if (!this.#isDead) callback();
    });
  }

  /** Waits. Never resolves once the process is dead. */
  #pass(ms: number): Promise<void> {
    if (ms === 0 && !this.#isDead) return Promise.resolve();
    return new Promise((resolve) => this.#in(ms, resolve));
  }
}
