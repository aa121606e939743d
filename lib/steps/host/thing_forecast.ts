import { dependsOn } from "../unforeseen.ts";
import { placeholderOf } from "./placeholder.ts";
import type { Thing, ThingFacts } from "./host.ts";

/** Things of a host as steps that are ahead will have made them. */
export class ThingForecast {
  readonly #facts = new Map<string, ThingFacts | undefined>();
  /** Things that a step with an unknown verdict may change, with its name. */
  readonly #unknown = new Map<string, string>();

  add(thing: Thing, facts: ThingFacts | undefined): void {
    this.#facts.set(keyOf(thing), facts);
  }

  addUnknown(thing: Thing, step: string): void {
    this.#unknown.set(keyOf(thing), step);
  }

  of(thing: Thing): { facts: ThingFacts | undefined } | undefined {
    const key = keyOf(thing);
    const step = this.#unknown.get(key);
    if (step !== undefined) throw dependsOn(step);
    return this.#facts.has(key) ? { facts: this.#facts.get(key) } : undefined;
  }

  /** Number of a user or a group that a step makes or removes; undefined if none does. */
  accountOf(
    kind: "user" | "group",
    name: string,
  ): { readonly number: number | undefined } | undefined {
    const foreseen = this.of({ kind, name });
    if (foreseen === undefined) return undefined;
    const { facts } = foreseen;
    if (facts === undefined) return { number: undefined };
    const number = facts[kind === "user" ? "uid" : "gid"];
    if (typeof number === "number") return { number };
    return { number: placeholderOf(kind, name) };
  }
}

function keyOf({ kind, name }: Thing): string {
  return `${kind} ${name}`;
}
