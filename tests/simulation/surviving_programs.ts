import type {
  FoundSurvivor,
  NoSurvivor,
  Survivors,
} from "../../lib/agent/survivors/survivors.ts";
import type {
  WorkHandle,
  WorkItem,
  WorkOutcome,
  WorkSink,
} from "../../lib/agent/workers/workers.ts";
import { HashingOutput } from "../../lib/agent/workers/printed_hashes.ts";
import type { HostOptions } from "./host.ts";
import { never } from "./life.ts";
import type { Life } from "./life.ts";
import { expectedBytes, type Program } from "./program.ts";
import { type Fate, hex } from "./truth.ts";

/** Time between two looks of a reader at a program that says nothing, in milliseconds. */
const LOOK_MS = 20;
/** Longest time until a keeper that was started begins its program, in milliseconds. */
const KEEPER_MS = 20;
/** Bytes that a reader takes at once. */
const PIECE = 4_096;

/** Programs on a host that outlive their agents, with what their keepers have on the disk. */
export class SurvivingPrograms {
  readonly #options: HostOptions;
  readonly #programs = new Map<string, SurvivingProgram>();
  /** True once an agent has settled the past since the machine was started: what is not here then has never begun. */
  #isSettled = false;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Count of living programs. */
  get living(): number {
    return [...this.#programs.values()].filter(({ lives }) => lives).length;
  }

  /** True if a program was asked to end, or has ended; undefined if there is none of this marker. */
  isEnding(marker: string): boolean | undefined {
    return this.#programs.get(marker)?.isEnding;
  }

  /** Starts a program, or follows one that runs. */
  work(
    job: WorkItem,
    { sink, life, startNumber }: {
      sink: WorkSink;
      life: Life;
      startNumber: number;
    },
  ): WorkHandle {
    const { time, random, plant } = this.#options;
    const isNew = job.survival === "started" || plant === "survivor-repeated";
    if (isNew) {
      const program = new SurvivingProgram(this.#options, job, startNumber);
      this.#programs.set(job.marker, program);
      time.after(random.whole(0, KEEPER_MS), () => program.begin());
    }
    const program = this.#programs.get(job.marker);
    const reader = new Reader(this.#options, { program, sink, life, isNew });
    if (program !== undefined) program.reader = reader;
    void reader.run();
    return {
      stop: () => life.passes() && program?.ask("stop"),
      kill: () => life.passes() && program?.ask("kill"),
      abandon: () => reader.abandon(),
    };
  }

  /** Means of the agent of this run. */
  survivors(life: Life): Survivors {
    return {
      find: (marker) => life.call(() => this.#find(marker)),
      attach: () => life.call(() => {}),
      remove: (marker) => life.call(() => this.#remove(marker)),
      sweep: (markers) =>
        life.call(() => {
          for (const [marker, program] of this.#programs) {
            if (!markers.has(marker) && !program.lives) this.#remove(marker);
          }
          this.#isSettled = true;
        }),
    };
  }

  /** Ends a program and its keeper, as its agent does at last. What is on the disk stays, without a report. True if it lived. */
  end(marker: string): boolean {
    return this.#programs.get(marker)?.endByAgent() ?? false;
  }

  /** Ends programs as if by themselves. */
  endUnknown(isCaredFor: (nonce: bigint) => boolean): void {
    for (const program of this.#programs.values()) {
      if (!isCaredFor(program.nonce)) program.ask("kill");
    }
  }

  /** Cuts the power. The keepers have written nothing durable. */
  powerOff(): void {
    for (const program of this.#programs.values()) program.destroy();
    this.#programs.clear();
    this.#isSettled = false;
  }

  #find(marker: string): FoundSurvivor | NoSurvivor {
    const program = this.#programs.get(marker);
    if (this.#options.plant === "survivor-forgotten") {
      return { lost: "nobody looks" };
    }
    if (program === undefined) {
      return this.#isSettled
        ? { unbegun: true }
        : { lost: "the host was restarted while it ran" };
    }
    if (program.bar()) return { unbegun: true };
    if (!program.lives && program.end === undefined) {
      return { lost: "its keeper was ended" };
    }
    return { startedAt: 0, elapsedMs: program.elapsedMs };
  }

  #remove(marker: string): void {
    const program = this.#programs.get(marker);
    if (program !== undefined && !program.lives) this.#programs.delete(marker);
  }
}

/** Program with its keeper. */
class SurvivingProgram {
  readonly nonce: bigint;
  readonly #host: HostOptions;
  readonly #startNumber: number;
  readonly #program: Program;
  #fate: Fate | undefined;
  #startedAt = 0;
  #isBarred = false;
  #isDead = false;
  #asked: "stop" | "kill" | undefined;
  #isDying = false;
  end: { readonly exitCode?: number; readonly signal?: string } | undefined;
  /** Reader of the newest run of the agent. */
  reader: Reader | undefined;
  /** Bytes that readers have passed on. */
  readonly taken = { stdout: 0, stderr: 0 };

  constructor(host: HostOptions, { marker, params }: WorkItem, start: number) {
    this.#host = host;
    this.#startNumber = start;
    this.nonce = BigInt(`0x${marker.split("-")[1]}`);
    this.#program = { ...JSON.parse(params), ...host.program() };
  }

  get lives(): boolean {
    return this.#fate?.lives ?? false;
  }

  get isEnding(): boolean {
    return this.#asked !== undefined || this.end !== undefined;
  }

  get printed(): Fate["printed"] {
    return this.#fate?.printed ?? { stdout: 0, stderr: 0 };
  }

  get elapsedMs(): number {
    return this.#host.time.elapsed - this.#startedAt;
  }

  /** Keeps a program from beginning. False if it has begun. */
  bar(): boolean {
    if (this.#fate !== undefined) return false;
    this.#isBarred = true;
    return true;
  }

  /** Begins, unless somebody has kept it from that. */
  begin(): void {
    if (this.#isBarred || this.#isDead) return;
    const { truth, agent, mayRepeat, time } = this.#host;
    this.#startedAt = time.elapsed;
    this.#fate = truth.effect(this.nonce, {
      agent,
      startNumber: this.#startNumber,
      mayRepeat: mayRepeat(),
    });
    this.#fate.survives = true;
    if (this.#asked !== undefined) this.ask(this.#asked);
    void this.#print();
  }

  ask(how: "stop" | "kill"): void {
    this.#asked = how;
    const { endsBy, dyingMs } = this.#program;
    const heeds = endsBy === "stop" || how === "kill" && endsBy === "kill";
    if (!heeds || this.#fate === undefined || this.#isDying) return;
    this.#isDying = true;
    const signal = how === "stop" ? "SIGTERM" : "SIGKILL";
    this.#host.time.after(dyingMs, () => this.#ended({ signal }));
  }

  /** Ends it with its keeper: it does not outlive its agent then. True if it lived. */
  endByAgent(): boolean {
    const { lives } = this;
    if (lives && this.#fate !== undefined) this.#fate.survives = false;
    this.destroy();
    return lives;
  }

  destroy(): void {
    this.#isDead = true;
    if (this.#fate === undefined) return;
    this.#fate.lives = false;
    // Nobody reads what it printed after its reader was given up.
    if (this.reader?.isAbandoned) {
      Object.assign(this.#fate.printed, this.taken);
    }
  }

  async #print(): Promise<void> {
    const { pieces, pieceBytes, everyMs, restMs, exitCode } = this.#program;
    for (let left = pieces; left > 0; left--) {
      await this.#host.time.pass(everyMs);
      if (this.#isDead || this.#isDying) return;
      this.printed[left % 3 === 0 ? "stderr" : "stdout"] += pieceBytes;
    }
    await this.#host.time.pass(restMs);
    if (!this.#isDying) this.#ended({ exitCode });
  }

  #ended(end: NonNullable<SurvivingProgram["end"]>): void {
    if (this.#isDead || this.#fate === undefined) return;
    this.destroy();
    this.end = end;
    if (end.exitCode !== undefined) this.#fate.exitCode = end.exitCode;
  }
}

/** Reader of one run of the agent: passes on what a program has printed, and its end. */
class Reader {
  readonly #host: HostOptions;
  readonly #program: SurvivingProgram | undefined;
  readonly #sink: WorkSink;
  readonly #life: Life;
  readonly #isNew: boolean;
  readonly #hashing = new HashingOutput();
  readonly #read = { stdout: 0, stderr: 0 };
  #isAbandoned = false;

  constructor(host: HostOptions, { program, sink, life, isNew }: {
    program: SurvivingProgram | undefined;
    sink: WorkSink;
    life: Life;
    isNew: boolean;
  }) {
    this.#host = host;
    this.#program = program;
    this.#sink = sink;
    this.#life = life;
    this.#isNew = isNew;
  }

  /** True once its agent takes nothing from it any more. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  abandon(): void {
    this.#isAbandoned = true;
  }

  async run(): Promise<void> {
    const program = this.#program;
    if (program === undefined) return;
    for (;;) {
      // Before the output: what was printed until then is there.
      const { end } = program;
      await this.#take(program, "stdout");
      await this.#take(program, "stderr");
      if (end !== undefined) return this.#sink.ended(this.#outcome(end));
      await this.#host.time.pass(LOOK_MS);
      if (this.#isAbandoned || !this.#life.isAlive) return await never();
    }
  }

  async #take(
    { nonce, printed, taken }: SurvivingProgram,
    stream: "stdout" | "stderr",
  ): Promise<void> {
    while (this.#read[stream] < printed[stream]) {
      const offset = this.#read[stream];
      const length = Math.min(PIECE, printed[stream] - offset);
      const bytes = expectedBytes(nonce, stream, { offset, length });
      this.#read[stream] += length;
      taken[stream] = Math.max(taken[stream], this.#read[stream]);
      this.#hashing.add(stream, bytes);
      await this.#sink.output(stream, bytes, offset);
    }
  }

  #outcome(end: NonNullable<SurvivingProgram["end"]>): WorkOutcome {
    return {
      success: end.exitCode === 0,
      changed: true,
      ...end,
      data: { nonce: hex(this.#program?.nonce ?? 0n) },
      ...this.#isNew ? { printed: this.#hashing.digest() } : {},
    };
  }
}
