import { fingerprintOf } from "../fingerprint.ts";
import { ForecastReader } from "../host/forecast_reader.ts";
import type { HostReader, HostWriter, Thing } from "../host/host.ts";
import type { Changed, Check } from "../step_operation.ts";
import type { Debt } from "./owed.ts";
import type { PreparedSheet, PreparedStep } from "./prepare.ts";
import type { Walk } from "./walk.ts";

/** Step that is changed with others, and what its check found. */
export interface Joined {
  readonly prepared: PreparedStep;
  readonly check: Check;
}

/** Step that another one has changed, or has tried to. */
export interface JoinedEnd {
  readonly check: Check;
  /** True if it was checked again and is done. */
  readonly isDone: boolean;
  readonly changed: boolean;
}

/** Parts of a run that the joining of steps uses. */
export interface JoiningMeans {
  readonly sheet: PreparedSheet;
  readonly walk: Walk;
  reader(): HostReader;
  /** True if the plan, if there is one, foresees a change of the step. */
  foresees(prepared: PreparedStep): boolean;
  /** Check with the choices of the plan. */
  pinned(prepared: PreparedStep, check: Check): Check;
  /** Writes down that a step begins, and what reacts to it. Returns what was not owed before. */
  begin(prepared: PreparedStep, check: Check): Promise<readonly Debt[]>;
  /** Looks at a step again. */
  check(prepared: PreparedStep, reader: HostReader): Promise<Check>;
  checkAgain(joined: Joined, reader: HostReader): Promise<void>;
  forgive(debts: readonly Debt[]): Promise<void>;
  note(prepared: PreparedStep, text: string): Promise<void>;
}

/** Words about a step that is done together with an earlier one. */
export function togetherWith({ step }: PreparedStep): string {
  return `together with step "${step.name}"`;
}

/** First of the steps that are changed together, and those beside it that were looked at so far. */
export class JoinGroup {
  readonly leader: PreparedStep;
  readonly #named = new Set<string>();

  constructor(leader: PreparedStep) {
    this.leader = leader;
    this.#add(leader);
  }

  /** True if a step stands beside those of the group, and has nothing that parts it from them. */
  isBeside({ step, ...next }: PreparedStep): boolean {
    const key = keyOf(this.leader);
    return key !== undefined && key === keyOf({ step, ...next }) &&
      step.if === undefined && step.onchanges === undefined;
  }

  /**
   * Takes a step in. Returns false if it has to wait for the group: it makes something else of what a step before it
   * is about.
   *
   * @param reader Host as the steps before it will have left it
   */
  takes(next: PreparedStep, check: Check, reader: HostReader): boolean {
    const isOther = (check.effects ?? []).some((effect) => {
      if (effect.kind !== "thing") return false;
      const { thing, facts } = effect;
      if (!this.#named.has(textOf(thing))) return false;
      const before = reader.foreseen(thing)?.facts;
      return fingerprintOf(before ?? null) !== fingerprintOf(facts ?? null);
    });
    if (isOther) return false;
    this.#add(next);
    return true;
  }

  #add({ operation, params }: PreparedStep): void {
    for (const thing of operation.things?.(params) ?? []) {
      this.#named.add(textOf(thing));
    }
  }
}

function textOf({ kind, name }: Thing): string {
  return `${kind} ${name}`;
}

function keyOf(
  { operation, params, step, isChosen }: PreparedStep,
): string | undefined {
  if (!isChosen || step.retry !== undefined || step.timeoutMs !== undefined) {
    return undefined;
  }
  const key = operation.join?.keyOf(params);
  return key === undefined ? undefined : `${operation.name} ${key}`;
}

/** Changes steps that stand beside one another at once, where their operation can do that. */
export class Joining {
  readonly #means: JoiningMeans;
  readonly #ends = new Map<number, JoinedEnd>();

  constructor(means: JoiningMeans) {
    this.#means = means;
  }

  /** Way in which an earlier step has ended this one; undefined if none has. */
  endOf({ index }: PreparedStep): JoinedEnd | undefined {
    return this.#ends.get(index);
  }

  /**
   * Changes a step with those beside it that want a change, too. Returns true if that counts as a change of it; "failed"
   * if it may be half done, and undefined if nothing was tried: then it has to be done alone.
   */
  async change(
    leader: Joined,
    writer: HostWriter,
  ): Promise<boolean | "failed" | undefined> {
    const { join } = leader.prepared.operation;
    const others = await this.#beside(leader);
    if (join === undefined || others.length === 0) return undefined;
    const all = [leader, ...others];
    const debts: (readonly Debt[])[] = [];
    for (const { prepared, check } of others) {
      debts.push(await this.#means.begin(prepared, check));
    }
    try {
      const ends = await join.change(
        all.map(({ prepared, check }) => ({
          params: prepared.params,
          check: this.#means.pinned(prepared, check),
        })),
        writer,
      );
      await writer.flush();
      for (const each of all) await this.#means.checkAgain(each, writer);
      for (const [place, { prepared, check }] of others.entries()) {
        const changed = await this.#changed(
          { prepared, check },
          ends[place + 1],
        );
        const reason = togetherWith(leader.prepared);
        const told = { ...check, reason: check.reason ?? reason };
        this.#ends.set(prepared.index, { check: told, isDone: true, changed });
        if (!changed) await this.#means.forgive(debts[place] ?? []);
      }
      return await this.#changed(leader, ends[0]);
    } catch (error) {
      if (writer.signal.aborted) throw error;
      const message = error instanceof Error ? error.message : String(error);
      await this.#means.note(
        leader.prepared,
        `it cannot be done together with the next ${
          others.length === 1 ? "step" : `${others.length} steps`
        }, so each is done alone: ${message}`,
      );
      for (const [place, other] of others.entries()) {
        await this.#leave(other, debts[place] ?? [], writer);
      }
      return "failed";
    }
  }

  /** Tells the note of a change. Returns true if it counts as one. */
  async #changed(
    { prepared, check }: Joined,
    { changed = true, note }: Changed = {},
  ): Promise<boolean> {
    if (note !== undefined) await this.#means.note(prepared, note);
    return changed && check.counts !== false;
  }

  /** Notes what a transaction that failed has done of a step. */
  async #leave(
    { prepared, check }: Joined,
    debts: readonly Debt[],
    reader: HostReader,
  ): Promise<void> {
    const { verdict } = await this.#means.check(prepared, reader)
      .catch(() => ({ verdict: "unknown" }));
    if (verdict === "change") {
      await this.#means.forgive(debts);
    } else {
      const end = { check, isDone: false, changed: true };
      this.#ends.set(prepared.index, end);
    }
  }

  /** Steps beside one that want a change on the host as those before them will have left it. */
  async #beside(leader: Joined): Promise<Joined[]> {
    const { sheet, walk } = this.#means;
    const joined: Joined[] = [];
    const group = new JoinGroup(leader.prepared);
    const after = sheet.steps.slice(leader.prepared.index + 1);
    // Most steps stand alone, and need no forecast for that.
    if (after[0] === undefined || !group.isBeside(after[0])) return joined;
    const reader = new ForecastReader(this.#means.reader());
    let opaque = addEffects(leader, reader);
    for (const next of after) {
      if (!group.isBeside(next)) break;
      try {
        const around = { reader, isAhead: true, opaque };
        const { kind } = await walk.decide(next, around);
        if (kind !== "check") break;
        const forecast = walk.forecastFor(next, { opaque });
        const check = await next.operation.check(next.params, reader, forecast);
        if (!group.takes(next, check, reader)) break;
        if (check.verdict === "ok") continue;
        if (check.verdict !== "change" || !this.#means.foresees(next)) break;
        joined.push({ prepared: next, check });
        opaque = addEffects({ prepared: next, check }, reader) ?? opaque;
      } catch {
        // Its own turn tells.
        break;
      }
    }
    return joined;
  }
}

/** Adds what a step changes. Returns its name if anything may be there after it. */
function addEffects(
  { prepared, check }: Joined,
  reader: ForecastReader,
): string | undefined {
  const { name } = prepared.step;
  const opaque = reader.addEffects(name, check.effects);
  reader.markAhead(name);
  return opaque;
}
