import { createHash } from "node:crypto";
import type { CommandRecord, StreamName } from "../../lib/store/records.ts";
import { expectedBytes } from "./program.ts";
import type { Trace } from "./trace.ts";

/** The real fate of a command, which no program in the simulation knows. */
export interface Fate {
  readonly nonce: bigint;
  /** Count of its starts on any host. */
  effects: number;
  /** Agent of the host that started it. */
  agent: string;
  /** Number of the agent's start that started it. */
  startNumber: number;
  /** Bytes that it printed, as far as its agent took them. */
  readonly printed: Record<StreamName, number>;
  /** Exit code that it reported at its end. */
  exitCode: number | undefined;
  /** Set if the Manager said that it never arrived, or the agent that it never began. */
  denied: string | undefined;
  /** Set once the operator has ended it: he was told that his cancel is recorded, or that it is given up. */
  stopped: string | undefined;
  /** Set once its agent can know that the operator has ended it, if it had not begun by then. */
  barred: string | undefined;
  /** True once its agent has handed it to a worker. */
  hasBegun: boolean;
  /** True while a process of it lives. */
  lives: boolean;
  /** True if it outlives its agent. */
  survives: boolean;
}

/** Rule that must hold and does not. */
export class Violation extends Error {}

/** Events outside of all programs, and the rules that must hold at every moment. */
export class Truth {
  readonly fates = new Map<bigint, Fate>();
  /** First rule that was broken. */
  violation: Violation | undefined;
  /** Called with each command that begins to change the world. */
  heardEffect: (nonce: bigint) => void = () => {};
  readonly #trace: Trace;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** Reports a broken rule, unless it holds. */
  must(holds: boolean, rule: () => string): void {
    if (holds || this.violation !== undefined) return;
    this.violation = new Violation(rule());
    this.#trace.add(`VIOLATION: ${this.violation.message}`);
  }

  fate(nonce: bigint): Fate {
    const known = this.fates.get(nonce);
    if (known !== undefined) return known;
    const fate: Fate = {
      nonce,
      effects: 0,
      agent: "",
      startNumber: 0,
      printed: { stdout: 0, stderr: 0 },
      exitCode: undefined,
      denied: undefined,
      stopped: undefined,
      barred: undefined,
      hasBegun: false,
      lives: false,
      survives: false,
    };
    this.fates.set(nonce, fate);
    return fate;
  }

  /** Notes that the operator has ended a command. */
  stops(nonce: bigint, words: string): void {
    this.fate(nonce).stopped ??= words;
  }

  /** Notes that from now on the agent of a command can know whether the operator has ended it. */
  bar(nonce: bigint, words: string): void {
    const fate = this.fate(nonce);
    if (fate.stopped === undefined || fate.hasBegun) return;
    fate.barred ??= `${fate.stopped}, and ${words}`;
  }

  /** Notes that nobody may know any more what the operator has ended. */
  unbar(): void {
    for (const fate of this.fates.values()) fate.barred = undefined;
  }

  /** Notes that an agent hands a command to a worker. */
  begins(nonce: bigint): void {
    const fate = this.fate(nonce);
    fate.hasBegun = true;
    this.must(
      fate.barred === undefined,
      () => `${hex(nonce)} begins after this: ${fate.barred}`,
    );
  }

  /** Notes that a command begins to change the world. */
  effect(
    nonce: bigint,
    { agent, startNumber, mayRepeat }: {
      agent: string;
      startNumber: number;
      mayRepeat: boolean;
    },
  ): Fate {
    const fate = this.fate(nonce);
    fate.effects++;
    fate.agent = agent;
    fate.startNumber = startNumber;
    fate.lives = true;
    this.#trace.add(`EFFECT of ${hex(nonce)} on ${agent}`);
    this.must(
      fate.effects === 1 || mayRepeat,
      () => `an effect happened ${fate.effects} times: ${hex(nonce)}`,
    );
    this.must(
      fate.denied === undefined,
      () => `${hex(nonce)} took effect after it was said: ${fate.denied}`,
    );
    this.heardEffect(nonce);
    return fate;
  }

  /** Notes a statement that a command has no effect and will have none. */
  deny(nonce: bigint, words: string): void {
    const fate = this.fate(nonce);
    this.must(
      fate.effects === 0,
      () => `${hex(nonce)} took effect, and now it is said: ${words}`,
    );
    fate.denied = words;
  }

  /** Checks bytes that are about to be recorded or shown as a command's output. */
  checkBytes(
    nonce: bigint,
    { stream, offset, bytes, where }: {
      stream: StreamName;
      offset: bigint;
      bytes: Uint8Array;
      where: string;
    },
  ): void {
    const place = { offset: Number(offset), length: bytes.length };
    const expected = expectedBytes(nonce, stream, place);
    const wrong = bytes.findIndex((byte, at) => byte !== expected[at]);
    this.must(
      wrong < 0,
      () =>
        `${where}: byte ${place.offset + wrong} of the ${stream} of ${
          hex(nonce)
        } is not what it printed there`,
    );
    const printed = this.fate(nonce).printed[stream];
    this.must(
      place.offset + bytes.length <= printed,
      () =>
        `${where}: the ${stream} of ${hex(nonce)} goes to ${
          place.offset + bytes.length
        }, and ${printed} bytes were printed`,
    );
  }

  /** Checks a hash that an agent told with a result: it is of all that the command printed. */
  checkHash(nonce: bigint, stream: StreamName, told: Uint8Array): void {
    const length = this.fate(nonce).printed[stream];
    const bytes = expectedBytes(nonce, stream, { offset: 0, length });
    const expected = createHash("sha256").update(bytes).digest();
    this.must(
      expected.every((byte, at) => byte === told[at]),
      () =>
        `the hash of another output is recorded for the ${stream} of ${
          hex(nonce)
        }, which printed ${length} bytes`,
    );
  }

  /** Checks a result that is recorded. Its data name the command it belongs to. */
  checkResult(
    record: Pick<CommandRecord, "nonce" | "data" | "exitCode" | "state">,
  ): void {
    const { nonce, data, exitCode } = record;
    const fate = this.fate(nonce);
    if (data !== null && data !== undefined) {
      const told: unknown = JSON.parse(data);
      if (typeof told === "object" && told !== null && "nonce" in told) {
        this.must(
          told.nonce === hex(nonce),
          () => `the result of ${told.nonce} is recorded for ${hex(nonce)}`,
        );
      }
    }
    if (exitCode !== null && exitCode !== undefined) {
      this.must(
        fate.effects > 0 && fate.exitCode === exitCode,
        () =>
          `exit code ${exitCode} is recorded for ${
            hex(nonce)
          }, which ended with ${fate.exitCode ?? "none"}`,
      );
    }
  }
}

/** Nonce in the form of the trace. */
export function hex(nonce: bigint): string {
  return nonce.toString(16).padStart(16, "0").slice(0, 8);
}
