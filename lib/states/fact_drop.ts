import { Drop } from "liquidjs";
import { allBelow, anyBelow, factAnswer } from "../base/fact_questions.ts";
import type { AbsentFact } from "./compiled_state.ts";
import { formatPlace, type Place } from "./place.ts";

/** Facts of an agent, as a compilation asks for them. It remembers which ones it was asked for. */
export class FactReads {
  readonly #facts: Readonly<Record<string, string>>;
  readonly #read = new Map<string, string>();
  readonly #absent = new Map<string, AbsentFact>();

  constructor(facts: Readonly<Record<string, string>>) {
    this.#facts = facts;
  }

  /** Facts that were asked for, by the question, with the answer. */
  get read(): ReadonlyMap<string, string> {
    return this.#read;
  }

  /** Facts that conditions name and the agent does not tell. */
  get absent(): readonly AbsentFact[] {
    return [...this.#absent.values()];
  }

  /** Notes a fact that a condition names and the agent does not tell. */
  lacks(name: string, place: Place): void {
    this.#absent.set(`${formatPlace(place)} ${name}`, { name, place });
  }

  /** Value of a fact; undefined if the agent does not tell it. */
  value(name: string): string | undefined {
    return this.#ask<string | null>(name) ?? undefined;
  }

  /** Facts whose names begin with a name and a dot, or all facts. */
  below(name: string): readonly (readonly [string, string])[] {
    return this.#ask(allBelow(name));
  }

  /** True if there are facts whose names begin with a name and a dot. */
  hasBelow(name: string): boolean {
    return this.#ask(anyBelow(name));
  }

  /** True if other facts answer each question as these did. */
  static agree(
    facts: Readonly<Record<string, string>>,
    read: ReadonlyMap<string, string>,
  ): boolean {
    return [...read].every(([question, answer]) =>
      factAnswer(facts, question) === answer
    );
  }

  #ask<Answer>(question: string): Answer {
    const answer = factAnswer(this.#facts, question);
    this.#read.set(question, answer);
    return JSON.parse(answer);
  }
}

/** Fact with facts below it, as os with os.name: both "facts.os" and "facts.os.name" have a value. */
export class FactDrop extends Drop {
  readonly #reads: FactReads;
  readonly #name: string;

  constructor(reads: FactReads, name = "") {
    super();
    this.#reads = reads;
    this.#name = name;
  }

  /** Fact below this one. */
  override liquidMethodMissing(
    key: string | number,
  ): FactDrop | string | undefined {
    const name = this.#name === "" ? String(key) : `${this.#name}.${key}`;
    return this.#reads.hasBelow(name)
      ? new FactDrop(this.#reads, name)
      : this.#reads.value(name);
  }

  /** Value of this fact itself, or all below it. */
  override valueOf(): unknown {
    const value = this.#name === "" ? undefined : this.#reads.value(this.#name);
    return value ?? Object.fromEntries(this.#reads.below(this.#name));
  }

  /** Value as `valueOf` has it. */
  toJSON(): unknown {
    return this.valueOf();
  }
}
