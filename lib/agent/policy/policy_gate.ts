import type { OwnFiles } from "../../operations/guard.ts";
import type { Operation } from "../../operations/operation.ts";
import { checkParams } from "../../operations/params.ts";
import { operationNamed } from "../../operations/registry.ts";
import { decide, type Decision, undecidable } from "./decide.ts";
import { type FoundPolicy, NO_POLICY, type Policy } from "./policy.ts";
import type { Most } from "./policy_schema.ts";
import { policyRequest } from "./request.ts";
import { unlimitedBy } from "./unlimited.ts";

/** Build of an agent: the whole one, or the one that can only look. */
export type Edition = "full" | "observe";

/** Facts about its policy that an agent tells its Manager. */
export interface PolicyFacts {
  /** "all", "rules", "observe", or "none" if the file is wrong and nothing is allowed. */
  readonly mode: string;
  readonly edition: Edition;
  /** SHA-256 of policy.yaml in hex digits; empty without a file. */
  readonly sha256: string;
  /** True if there is a way around its rules. */
  readonly unlimited: boolean;
  /** Error of a file that is wrong. */
  readonly error: string;
}

/** Operation and parameters, as a current Manager gives them. */
export interface Asked {
  readonly operation: string;
  readonly params: string;
}

export interface PolicyGateOptions {
  readonly edition?: Edition;
  /** Files of the agent itself; none are protected if absent. */
  readonly own?: OwnFiles | undefined;
  readonly umask?: number;
  readonly allowTestOperations?: boolean;
}

/** Decides which commands this agent takes. */
export class PolicyGate {
  readonly #options: PolicyGateOptions;
  #found: FoundPolicy;

  constructor(found: FoundPolicy = NO_POLICY, options: PolicyGateOptions = {}) {
    this.#found = found;
    this.#options = options;
  }

  /** Puts another policy into use. Commands that run go on. Returns true if it differs. */
  use(found: FoundPolicy): boolean {
    const before = this.facts;
    this.#found = found;
    return JSON.stringify(before) !== JSON.stringify(this.facts);
  }

  /** Most that commands may use. */
  get most(): Most {
    return this.#found.policy?.most ?? {};
  }

  get facts(): PolicyFacts {
    const { policy, sha256, error } = this.#found;
    const { edition = "full" } = this.#options;
    return {
      mode: policy?.mode ?? "none",
      edition,
      sha256,
      unlimited: edition === "full" && policy !== undefined &&
        unlimitedBy(policy).length > 0,
      error,
    };
  }

  /** Decides about a command at a time. At once where nothing has to be looked up. Never throws or rejects. */
  judge(asked: Asked, now: number): Decision | Promise<Decision> {
    const { operation: name, params } = asked;
    const { policy } = this.#found;
    const { own, edition, allowTestOperations = false } = this.#options;
    if (policy === undefined) return nothingIsAllowed(name);
    let operation: Operation;
    let checked: unknown;
    try {
      operation = operationNamed(name, { allowTestOperations });
      if (edition === "observe" && operation.acts) return onlyObserves(name);
      if (isFree(policy) && operation.paths === undefined) return FREE;
      checked = checkParams(operation, params);
    } catch (error) {
      // Without rules, who carries it out says what is wrong.
      return isFree(policy)
        ? { ...FREE, bounds: { own } }
        : undecidable(name, error);
    }
    return this.#decide(policy, { operation, checked, now });
  }

  async #decide(
    policy: Policy,
    { operation, checked, now }: {
      readonly operation: Operation;
      readonly checked: unknown;
      readonly now: number;
    },
  ): Promise<Decision> {
    const { own, umask = 0o022 } = this.#options;
    try {
      const request = await policyRequest(operation, checked);
      return decide(policy, request, { now, own, umask });
    } catch (error) {
      return isFree(policy)
        ? { ...FREE, bounds: { own } }
        : undecidable(operation.name, error);
    }
  }
}

function nothingIsAllowed(operation: string): Decision {
  return {
    refusal:
      `Cannot run ${operation} here: this agent's policy cannot be read, so that nothing is allowed; "piri-agent policy check" on that host says why`,
    rule: "no policy",
  };
}

const FREE: Decision = { rule: "mode: all" };

/** True if a policy leaves nothing but the agent itself out. */
function isFree({ mode, deny }: Policy): boolean {
  return mode === "all" && deny.length === 0;
}

function onlyObserves(operation: string): Decision {
  return {
    refusal:
      `Cannot run ${operation} here: this agent is piri-agent-observe, which can only look`,
    rule: "edition: observe",
  };
}
