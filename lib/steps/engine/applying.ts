import { sleep } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import type { HostReader, HostWriter } from "../host/host.ts";
import type { Check } from "../step_operation.ts";
import type { ExpectedSteps } from "./expected.ts";
import { Joining } from "./joining.ts";
import type { Debt } from "./owed.ts";
import { asPiriError, notDone } from "./plan_steps.ts";
import type { PreparedSheet, PreparedStep } from "./prepare.ts";
import { owedPart, shownChanges } from "./record_parts.ts";
import { findingText, type StepRecord } from "./records.ts";
import type { RunMeans } from "./run_means.ts";
import { runInTime } from "./step_time.ts";
import { Walk } from "./walk.ts";

/** Choices of an apply. */
interface ApplyingOptions {
  readonly expected: ExpectedSteps | undefined;
  readonly strict: boolean;
}

/** Part of a record that says how a step ended. */
type StepEnd =
  & Pick<StepRecord, "verdict" | "changes">
  & Partial<Pick<StepRecord, "changed" | "reason" | "error" | "fingerprint">>;

/** Run that changes a host, step by step. */
export class Applying {
  readonly #sheet: PreparedSheet;
  readonly #means: RunMeans;
  readonly #options: ApplyingOptions;
  readonly #walk: Walk;
  readonly #moved: string[] = [];
  /** True once a step has done what no plan can foresee. */
  #isOpaque = false;
  #mustEnd = false;
  readonly #joining: Joining;

  constructor(
    sheet: PreparedSheet,
    means: RunMeans,
    options: ApplyingOptions,
  ) {
    this.#sheet = sheet;
    this.#means = means;
    this.#options = options;
    this.#walk = new Walk(sheet, means.owed);
    this.#joining = new Joining({
      sheet,
      walk: this.#walk,
      reader: () => means.host.reader(means.signal),
      foresees: ({ step }) => {
        const planned = options.expected?.get(step.name)?.verdict;
        return planned === undefined || planned === "change" ||
          (planned === "unknown" && !options.strict);
      },
      pinned: (prepared, check) => this.#pinned(prepared, check),
      begin: (prepared, check) => this.#begin(prepared, check),
      check: (prepared, reader) => this.#check(prepared, reader),
      checkAgain: ({ prepared, check }, reader) =>
        this.#checkAgain(prepared, check, reader),
      forgive: (debts) => means.owed.end(debts),
      note: (prepared, text) => this.#note(prepared, text),
    });
  }

  /** True if an earlier step has done this one. */
  isDone(prepared: PreparedStep): boolean {
    return this.#joining.endOf(prepared)?.isDone === true;
  }

  /** Steps that changed something though the plan did not say so. */
  get moved(): readonly string[] {
    return this.#moved;
  }

  /** True if the run must end after a step that failed, whatever the step says. */
  get mustEnd(): boolean {
    return this.#mustEnd;
  }

  /** Runs the next step. Its failure is in the record; only failures of the sink and of debts throw. */
  async run(prepared: PreparedStep): Promise<StepRecord> {
    const { step, index } = prepared;
    const { clock } = this.#means;
    const owed = this.#walk.debtsTo(prepared);
    const start = clock.monotonic();
    let end: StepEnd;
    try {
      end = await runInTime(
        step,
        this.#means,
        (signal) => this.#step(prepared, signal),
      );
    } catch (error) {
      const { code, message } = asPiriError(error, step.name);
      this.#walk.pass(index, { changed: false, isLost: true });
      end = { verdict: "failed", changes: [], error: { code, message } };
    }
    return {
      kind: "step",
      step: index,
      name: step.name,
      operation: step.operation,
      ...end,
      changes: shownChanges(end.changes, step.hidden),
      ...owedPart(owed),
      ms: Math.round(clock.monotonic() - start),
    };
  }

  async #step(prepared: PreparedStep, signal: AbortSignal): Promise<StepEnd> {
    const { step, index } = prepared;
    const joined = this.#joining.endOf(prepared);
    if (joined?.isDone === true) return await this.#end(prepared, joined);
    const writer = this.#writerFor(prepared, signal);
    const decision = await this.#walk.decide(prepared, {
      reader: writer,
      isAhead: false,
      opaque: undefined,
    });
    // Nothing is ahead in a run, so that nothing is unknown.
    if (decision.kind !== "check") {
      const isLost = decision.kind === "skip" && decision.isLost;
      this.#walk.pass(index, { changed: false, isLost });
      // It is not owed what its condition does not ask for, but what a failure kept from it.
      if (!isLost && prepared.isChosen) await this.#settle(prepared);
      return { verdict: "skipped", changes: [], reason: decision.reason };
    }
    const check = await this.#check(prepared, writer);
    if (check.verdict !== "change") {
      if (check.verdict === "unknown") {
        throw new PiriError(
          "FAILED_PRECONDITION",
          `Cannot run step "${step.name}": ${check.reason ?? "it is unknown"}`,
        );
      }
      // A transaction that failed for another step has done this one.
      if (joined !== undefined) return await this.#end(prepared, joined);
      return await this.#end(prepared, { check, changed: false });
    }
    this.#requireForeseen(prepared, check);
    const fresh = await this.#begin(prepared, check);
    const changed = await this.#change(prepared, check, writer);
    if (!changed) await this.#means.owed.end(fresh);
    return await this.#end(prepared, { check, changed });
  }

  /** Writes down that a step begins, and what reacts to it. Returns what was not owed before. */
  async #begin(
    prepared: PreparedStep,
    check: Check,
  ): Promise<readonly Debt[]> {
    const { index: step, step: { name } } = prepared;
    const fresh = await this.#owe(prepared, check);
    await this.#means.sink.record({ kind: "begin", step, name });
    if (check.effects?.some(({ kind }) => kind === "opaque")) {
      this.#isOpaque = true;
    }
    return fresh;
  }

  /** Ends a step that was checked, and changed if the check asked for that. */
  async #end(
    prepared: PreparedStep,
    { check, changed }: { readonly check: Check; readonly changed: boolean },
  ): Promise<StepEnd> {
    this.#walk.pass(prepared.index, { changed, isLost: false });
    await this.#settle(prepared);
    const { verdict, changes, fingerprint, reason } = check;
    return {
      verdict,
      ...verdict === "change" ? { changed } : {},
      changes,
      fingerprint,
      ...reason === undefined ? {} : { reason },
    };
  }

  /** Check with the choices of the plan. */
  #pinned({ step }: PreparedStep, check: Check): Check {
    const pins = this.#options.expected?.get(step.name)?.pins;
    return pins === undefined ? check : { ...check, pins };
  }

  #check(
    prepared: PreparedStep,
    reader: HostReader,
    { hasReacted = false }: { readonly hasReacted?: boolean } = {},
  ): Promise<Check> {
    const { operation, params } = prepared;
    const forecast = this.#walk.forecastFor(prepared, { hasReacted });
    return operation.check(params, reader, forecast);
  }

  /** Changes what the check found, again where the step says so. Returns true if that counts as a change. */
  async #change(
    prepared: PreparedStep,
    first: Check,
    writer: HostWriter,
  ): Promise<boolean> {
    const { operation, params, step } = prepared;
    const { times = 0, everyMs = 0 } = step.retry ?? {};
    let check = first;
    const together = await this.#joining.change({ prepared, check }, writer);
    if (typeof together === "boolean") return together;
    if (together === "failed") {
      check = await this.#check(prepared, writer);
      if (check.verdict === "ok") return true;
    }
    for (let attempt = 0;; attempt++) {
      try {
        const { changed = true, note } = await operation.change(
          params,
          this.#pinned(prepared, check),
          writer,
        ) ?? {};
        await writer.flush();
        if (note !== undefined) await this.#note(prepared, note);
        await this.#checkAgain(prepared, check, writer);
        return changed && check.counts !== false;
      } catch (error) {
        if (attempt >= times || writer.signal.aborted) throw error;
        const { message } = asPiriError(error, step.name);
        await this.#note(prepared, `attempt ${attempt + 1} failed: ${message}`);
        await sleep(this.#means.clock, everyMs, writer.signal);
      }
      const next = await this.#check(prepared, writer);
      if (next.verdict === "ok") return true;
      check = next;
    }
  }

  async #checkAgain(
    prepared: PreparedStep,
    { after = "fails" }: Check,
    reader: HostReader,
  ): Promise<void> {
    if (after === "none") return;
    const { verdict, changes } = await this.#check(prepared, reader, {
      hasReacted: true,
    });
    if (verdict === "ok") return;
    const found = { verdict, changes };
    if (after === "fails") throw notDone(prepared.step.name, found);
    await this.#note(
      prepared,
      `a check after it still asks for a change: ${findingText(found)}`,
    );
  }

  /** Refuses a change that the plan did not foresee, unless an earlier step may have caused it. */
  #requireForeseen({ step }: PreparedStep, check: Check): void {
    const { expected, strict } = this.#options;
    const planned = expected?.get(step.name);
    if (planned === undefined || planned.verdict === "change") return;
    if (check.counts === false) return;
    if (planned.verdict === "unknown" && !strict) return;
    this.#moved.push(step.name);
    if (this.#isOpaque && !strict) return;
    this.#mustEnd = true;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot run step "${step.name}": it was planned as ${
        findingText(planned)
      } and is now ${findingText(check)}; plan again`,
    );
  }

  /** Writes down what reacts to the change of a step. Returns what was not owed before. */
  async #owe(
    { index, step }: PreparedStep,
    { counts }: Check,
  ): Promise<readonly Debt[]> {
    if (counts === false) return [];
    const since = this.#means.clock.now();
    const { state } = this.#sheet;
    return await this.#means.owed.add(
      this.#sheet.listenersOf(index).map((listener) => ({
        state,
        listener: listener.step.name,
        cause: step.name,
        since,
      })),
    );
  }

  /** Ends the debts to a step, which has succeeded. */
  async #settle(prepared: PreparedStep): Promise<void> {
    const debts = this.#walk.debtsTo(prepared);
    if (debts.length > 0) await this.#means.owed.end(debts);
  }

  async #note({ index }: PreparedStep, text: string): Promise<void> {
    await this.#means.sink.record({ kind: "note", step: index, text });
  }

  #writerFor({ index }: PreparedStep, signal: AbortSignal): HostWriter {
    const decoders = {
      stdout: new TextDecoder(),
      stderr: new TextDecoder(),
    };
    return this.#means.host.writer(signal, async (stream, bytes) => {
      const text = decoders[stream].decode(bytes, { stream: true });
      if (text === "") return;
      const { sink } = this.#means;
      await sink.record({ kind: "output", step: index, stream, text });
    });
  }
}
