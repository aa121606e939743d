import type { OwnFiles } from "../../operations/own_obstacle.ts";
import type { Operation } from "../../operations/operation.ts";
import { checkParams } from "../../operations/params.ts";
import { operationNamed } from "../../operations/registry.ts";
import { decide, type Decision, undecidable } from "./decide.ts";
import { type FoundPolicy, NO_POLICY, type Policy } from "./policy.ts";
import type { Most } from "./policy_schema.ts";
import { policyRequest } from "./request.ts";
import {
  checkSignatures,
  neededSignatures,
  type UsedStatement,
} from "./signatures.ts";
import { unlimitedBy } from "./unlimited.ts";
import { UsedStatements } from "./used_statements.ts";
import type { SignedStatement } from "../../base/signed_work.ts";
import { systemClock } from "../../base/clock.ts";

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
  /** True if its program is to outlive the agent. */
  readonly survive?: boolean | undefined;
  /** Statement and signatures that came with it; none if absent. */
  readonly signed?: SignedStatement | undefined;
}

export interface PolicyGateOptions {
  /** Name by which statements mean this agent, as its settings have it; empty by default, which none means. */
  readonly name?: () => string;
  /** Statements that were used up; those since its start, if absent. */
  readonly used?: UsedStatements;
  readonly edition?: Edition;
  /** Files of the agent itself; none are protected if absent. */
  readonly own?: OwnFiles | undefined;
  readonly umask?: number;
  readonly allowTestOperations?: boolean;
}

/** Decides which commands this agent takes. */
export class PolicyGate {
  readonly #options: PolicyGateOptions;
  readonly #used: UsedStatements;
  #found: FoundPolicy;

  constructor(found: FoundPolicy = NO_POLICY, options: PolicyGateOptions = {}) {
    this.#found = found;
    this.#options = options;
    this.#used = options.used ?? new UsedStatements(systemClock);
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

  /** True if the Manager must not give this agent another name: by its name, statements mean this host. */
  get keepsName(): boolean {
    return (this.#found.policy?.require.length ?? 0) > 0;
  }

  /** Signatures that a command of an operation needs, a count. */
  signaturesFor(operation: string): number {
    const { policy } = this.#found;
    return policy === undefined
      ? 0
      : neededSignatures(policy, operation).signatures;
  }

  /** Uses a statement up. Returns the reason if that cannot be. The command must begin only once `keep` has resolved. */
  claim(statement: UsedStatement): string | undefined {
    return this.#used.claim(statement);
  }

  /** Gives back a statement whose command never began. */
  release(statement: UsedStatement): void {
    this.#used.release(statement);
  }

  /** Makes all that is used up durable. Rejects as the disk does. */
  keep(): Promise<void> {
    return this.#used.keep();
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
    const { policy } = this.#found;
    if (policy === undefined) return nothingIsAllowed(asked.operation);
    const name = this.#options.name?.() ?? "";
    const signatures = checkSignatures(policy, asked, { name, now });
    if ("refusal" in signatures) return signatures;
    const { used } = signatures;
    const decision = this.#judgeRules(policy, asked, now);
    if (used === undefined) return decision;
    return "then" in decision
      ? decision.then((decision) => ({ ...decision, used }))
      : { ...decision, used };
  }

  /** Decides as if a command had all signatures that it needs. */
  judgeUnsigned(asked: Asked, now: number): Decision | Promise<Decision> {
    const { policy } = this.#found;
    return policy === undefined
      ? nothingIsAllowed(asked.operation)
      : this.#judgeRules(policy, asked, now);
  }

  #judgeRules(
    policy: Policy,
    asked: Asked,
    now: number,
  ): Decision | Promise<Decision> {
    const { operation: name, params } = asked;
    const { own, edition, allowTestOperations = false } = this.#options;
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
