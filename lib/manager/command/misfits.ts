import { type ErrorCode, PiriError } from "../../base/errors.ts";

/** Most names that an error lists for one fact. */
const MAX_NAMED = 10;

/** Codes in the order in which the common one is chosen: the first that a misfit has. */
const PRECEDENCE: readonly ErrorCode[] = [
  "NOT_FOUND",
  "INVALID_ARGUMENT",
  "REFUSED",
  "BUSY",
  "UNAVAILABLE",
];

/** Fact for which a request cannot be carried out on some agents. */
export interface Misfit {
  readonly code: ErrorCode;
  /** The fact about one agent, such as "it is not connected". */
  readonly one: string;
  /** The fact about several agents, such as "they are not connected". */
  readonly many: string;
}

/** Fact about agents that do not know an operation. */
export const NO_OPERATION: Misfit = {
  code: "NOT_FOUND",
  one: "it has no such operation",
  many: "they have no such operation",
};

/** All reasons for which a request cannot be carried out: an operator is to mend them at once, not one after the other. */
export class Misfits {
  readonly #attempt: string;
  readonly #names = new Map<string, { misfit: Misfit; names: Set<string> }>();

  /** @param attempt The request, such as "run". */
  constructor(attempt: string) {
    this.#attempt = attempt;
  }

  add(name: string, misfit: Misfit): void {
    const known = this.#names.get(misfit.one);
    if (known === undefined) {
      this.#names.set(misfit.one, { misfit, names: new Set([name]) });
    } else known.names.add(name);
  }

  /**
   * Throws if there is any.
   *
   * @throws {PiriError} with all names and facts
   */
  throwIfAny(): void {
    const all = [...this.#names.values()];
    if (all.length === 0) return;
    const codes = new Set(all.map(({ misfit }) => misfit.code));
    const facts = all.map(({ misfit, names }) =>
      `on ${listed([...names])}: ${names.size === 1 ? misfit.one : misfit.many}`
    );
    throw new PiriError(
      PRECEDENCE.find((code) => codes.has(code)) ?? "INVALID_ARGUMENT",
      `Cannot ${this.#attempt} ${facts.join("; ")}`,
    );
  }
}

function listed(names: readonly string[]): string {
  const named = names.slice(0, MAX_NAMED).map((name) => `"${name}"`);
  const left = names.length - named.length;
  if (left > 0) return `${named.join(", ")} and ${left} more`;
  const last = named.pop();
  return named.length === 0 ? `${last}` : `${named.join(", ")} and ${last}`;
}
