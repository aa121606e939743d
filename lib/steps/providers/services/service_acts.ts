import { sleep } from "../../../base/clock.ts";
import { PiriError } from "../../../base/errors.ts";
import type { HostWriter } from "../../host/host.ts";
import {
  inNeutralWords,
  type ServiceAct,
  type ServiceFacts,
  type ServiceManager,
} from "./service_manager.ts";

/** Log lines in an error, and the longest piece of each. */
const SHOWN_LINES = 5;
const SHOWN_CHARACTERS = 200;

/** Acts on a service that must succeed. */
export class ServiceActs {
  readonly #manager: ServiceManager;
  readonly #name: string;
  readonly #writer: HostWriter;
  readonly #settleMs: number;

  /** @param settleMs Time for which the service must stay up after a start */
  constructor(
    manager: ServiceManager,
    name: string,
    { writer, settleMs }: {
      readonly writer: HostWriter;
      readonly settleMs: number;
    },
  ) {
    this.#manager = manager;
    this.#name = name;
    this.#writer = writer;
    this.#settleMs = settleMs;
  }

  /** Lets the manager read the files of a service that are newer than what it has read. */
  async readFiles(): Promise<void> {
    const { rereads } = this.#manager;
    const { isStale } = await this.#manager.findNow(this.#name, this.#writer);
    if (isStale && rereads !== undefined) await this.run("read files", rereads);
  }

  /** @throws {PiriError} FAILED_PRECONDITION if it is not up when the time to settle is over */
  async start(): Promise<void> {
    await this.#begin("start");
  }

  /** Otherwise as `start`. */
  async restart(): Promise<void> {
    await this.#begin("restart");
  }

  async stop(): Promise<void> {
    await this.do("stop");
  }

  async do(act: ServiceAct): Promise<void> {
    const facts = await this.#manager.findNow(this.#name, this.#writer);
    await this.run(
      `${act} "${this.#name}"`,
      this.#manager.command(act, facts),
    );
  }

  /** Runs a command of the manager, whose output is recorded. */
  async run(what: string, argv: readonly string[]): Promise<void> {
    const { code, signal } = await this.#writer.run(inNeutralWords(argv));
    if (code === 0) return;
    throw failed(
      what,
      `${argv[0]} ended with ${signal ?? `exit code ${code}`}`,
    );
  }

  async #begin(act: "start" | "restart"): Promise<void> {
    const before = await this.#find();
    const argv = this.#manager.command(act, before);
    const { code, signal } = await this.#writer.run(inNeutralWords(argv));
    const first = await this.#find();
    if (code !== 0) {
      const end = signal ?? `exit code ${code}`;
      const needs = await this.#manager.obstacles(first, this.#writer);
      throw failed(
        `${act} "${this.#name}"`,
        [`${argv[0]} ended with ${end}, and it is ${first.status}`, ...needs]
          .join("; ") + await this.#logOf(first),
      );
    }
    this.#requireUp(
      first,
      await this.#logUnlessUp(first),
      "right after its start",
    );
    if (this.#settleMs === 0 || !isProcess(this.#name)) return;
    await sleep(this.#writer.clock, this.#settleMs, this.#writer.signal);
    if (this.#writer.signal.aborted) {
      throw new PiriError(
        "CANCELLED",
        `Cannot wait for "${this.#name}" to settle: the command was cancelled`,
      );
    }
    const last = await this.#find();
    const when = `${this.#settleMs} ms after its start`;
    this.#requireUp(last, await this.#logUnlessUp(last), when);
    if (last.start === first.start) return;
    throw failed(
      `keep "${this.#name}" running`,
      `it ended, and was started again, within ${this.#settleMs} ms${await this
        .#logOf(first)}`,
    );
  }

  #find(): Promise<ServiceFacts> {
    return this.#manager.findNow(this.#name, this.#writer);
  }

  #requireUp(facts: ServiceFacts, log: string, when: string): void {
    const { isUp, isUnmet, status } = facts;
    if (isUp) return;
    const hint = !status.startsWith("inactive")
      ? ""
      : isUnmet === true
      ? "; its own conditions are not met"
      : "; it ended without an error, and a unit of Type=oneshot counts as running with RemainAfterExit=yes only";
    throw failed(
      `keep "${this.#name}" running`,
      `${when} it is ${status}${hint}${log}`,
    );
  }

  async #logUnlessUp(facts: ServiceFacts): Promise<string> {
    return facts.isUp ? "" : await this.#logOf(facts);
  }

  async #logOf(facts: ServiceFacts): Promise<string> {
    const lines = await this.#manager.lastLines(facts, this.#writer);
    if (lines.length === 0) return "";
    const shown = lines.slice(-SHOWN_LINES).map((line) =>
      line.trim().slice(0, SHOWN_CHARACTERS).toWellFormed()
    );
    return `; its last log lines: ${shown.join(" / ")}`;
  }
}

/** False for units that are no processes, as timers: they have nothing to settle. */
function isProcess(name: string): boolean {
  return !/\.(?:socket|target|timer|path|mount|automount|swap|slice|device)$/
    .test(name);
}

function failed(what: string, why: string): PiriError {
  return new PiriError("FAILED_PRECONDITION", `Cannot ${what}: ${why}`);
}
