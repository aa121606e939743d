import { agentSteps } from "./agent.ts";
import type { Model } from "./bounds.ts";
import { encode } from "./encode.ts";
import { entrySteps } from "./entries.ts";
import { faultSteps } from "./faults.ts";
import { initial } from "./initial.ts";
import { type Violation, violationIn } from "./invariants.ts";
import { managerSteps } from "./manager.ts";
import { operatorSteps } from "./operator.ts";
import type { State, Step } from "./state.ts";

/** Result of a search. */
export interface Found {
  /** Number of states visited. */
  readonly states: number;
  readonly violation: Violation | undefined;
  /** Steps to the violation, first one first. No way to a violation is shorter. */
  readonly trace: readonly string[];
}

/** Visits every reachable state, nearest first, until one of these invariants is violated. */
export function search(model: Model, invariants: string): Found {
  const first = initial(model.bounds);
  const ways = new Ways(encode(first));
  let level: Reached[] = [{ state: first, index: 0 }];
  let states = 0;
  while (level.length > 0) {
    const next: Reached[] = [];
    for (const { state, index } of level) {
      states++;
      const violation = violationIn(state, invariants);
      if (violation !== undefined) {
        const trace = retrace(model, first, ways.to(index));
        return { states, violation, trace };
      }
      for (const step of stepsFrom(state, model)) {
        const added = ways.add(encode(step.state), index);
        if (added !== undefined) next.push({ state: step.state, index: added });
      }
    }
    level = next;
  }
  return { states, violation: undefined, trace: [] };
}

/** All possible next steps. */
function stepsFrom(state: State, model: Model): Step[] {
  return [
    ...operatorSteps(state, model),
    ...managerSteps(state, model),
    ...entrySteps(state, model),
    ...agentSteps(state, model),
    ...faultSteps(state, model),
  ];
}

interface Reached {
  readonly state: State;
  readonly index: number;
}

/** All states reached, each with the state before it. */
class Ways {
  readonly #indexes = new Map<string, number>();
  readonly #parents: number[] = [-1];

  constructor(first: string) {
    this.#indexes.set(first, 0);
  }

  /** Adds a state. Returns its index, or undefined if it was reached before. */
  add(key: string, parent: number): number | undefined {
    if (this.#indexes.has(key)) return undefined;
    const index = this.#parents.push(parent) - 1;
    this.#indexes.set(key, index);
    return index;
  }

  /** Lists the states on the way to one. */
  to(index: number): string[] {
    const wanted = new Map<number, number>();
    const path: number[] = [];
    for (let at = index; at >= 0; at = this.#parents[at] ?? -1) path.push(at);
    path.reverse().forEach((each, place) => wanted.set(each, place));
    const keys: string[] = [];
    for (const [key, each] of this.#indexes) {
      const place = wanted.get(each);
      if (place !== undefined) keys[place] = key;
    }
    return keys;
  }
}

/** Repeats the steps of a way, to describe each. */
function retrace(
  model: Model,
  first: State,
  [, ...keys]: readonly string[],
): string[] {
  let state = first;
  return keys.map((key) => {
    const step = stepsFrom(state, model)
      .find((each) => encode(each.state) === key);
    if (step === undefined) throw new TypeError("the way back is lost");
    state = step.state;
    return step.what;
  });
}
