import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { hasRole } from "../../base/role.ts";
import type { OperatorRecord } from "../../store/operator_records.ts";
import type { AskedWork, Rights, Sight } from "../api/access_api.ts";
import { approvalsText } from "../../base/approval_name.ts";
import type { AgentRoster } from "../agents/agent_roster.ts";
import type { Denial } from "../api/audit_api.ts";
import {
  allowedOf,
  decide,
  type Decision,
  requireAllowed,
  type RuledAgent,
  type RuledWork,
} from "./decide.ts";
import type { Rule } from "./rule.ts";

/** Parts that rights are looked up in. */
export interface OperatorRightsOptions {
  /** Operator of a name, with rules that are ready to be applied. */
  readonly find: (
    name: string,
  ) =>
    | { readonly record: OperatorRecord; readonly rules: readonly Rule[] }
    | undefined;
  readonly roster: AgentRoster;
  /** Agents that an operator sees; all if undefined. */
  readonly sightOf: (name: string) => Sight | undefined;
  readonly clock: Pick<Clock, "now">;
  /** Records in the audit that something was denied. */
  readonly denied: (denial: Denial) => void;
}

/** Operator who asked for work that has waited. */
export interface WaitingAsker {
  readonly name: string;
  /** Number of the token that it was asked with. */
  readonly tokenId: number;
  /** Address that it was asked from, if it is known. */
  readonly from?: string;
  /** Approvals by others that it has, a count; none if absent. */
  readonly approvals?: number;
}

/** Fact by which work is not sent, and the rule that it comes from; none if it may be. */
interface Against {
  readonly fact?: string;
  readonly rule?: string | undefined;
}

/** Rights of operators on agents, as they are at the moment of each question. */
export class OperatorRights {
  readonly #options: OperatorRightsOptions;

  constructor(options: OperatorRightsOptions) {
    this.#options = options;
  }

  /** Decides if the rules of an operator allow some work on all of the agents. */
  decide(
    name: string,
    work: AskedWork,
    agents: readonly string[],
    at = this.#options.clock.now(),
  ): Decision {
    return decide(
      name,
      this.#rules(name),
      { ...work, at },
      this.#ruled(agents),
    );
  }

  /**
   * Rights of somebody who is not there now, to go on with what was asked for.
   *
   * @throws {PiriError} DENIED for one who may do nothing any more
   */
  of(asker: WaitingAsker): Rights {
    const { name, tokenId } = asker;
    const record = this.#options.find(name)?.record;
    const { fact } = this.#factAgainst(name, tokenId) ?? {};
    if (fact !== undefined || record === undefined) {
      throw new PiriError("DENIED", `Cannot act as "${name}": ${fact}`);
    }
    return {
      tokenId,
      role: record.role,
      sight: this.#options.sightOf(name),
      ...this.bound(asker),
    };
  }

  /** Questions about the rules of somebody. */
  bound(
    asker: WaitingAsker,
  ): Omit<Rights, "role" | "sight" | "tokenId"> {
    const { name } = asker;
    const decided = (work: AskedWork, agents: readonly string[]) => {
      const decision = this.decide(name, work, agents);
      requireAllowed(decision, work, agents);
      return decision;
    };
    return {
      check: (work, agents) => void decided(work, agents),
      checkAlone: (work, agents) =>
        requireNone(decided(work, agents), work.operation),
      approvals: (work, agents) => approvalsOf(decided(work, agents)),
      allowed: (work, agents) => this.allowed(name, work, agents),
      refusal: (work, agent) => this.refusal(asker, work, agent),
    };
  }

  /** Names of those agents on which the rules of an operator allow some work. */
  allowed(
    name: string,
    work: AskedWork,
    agents: readonly string[],
  ): ReadonlySet<string> {
    const asked: RuledWork = { ...work, at: this.#options.clock.now() };
    return allowedOf(this.#rules(name), asked, this.#ruled(agents));
  }

  /**
   * Tells why work that has waited is not sent to an agent, and records that in the audit: the operator may not do it any
   * more, or the token that it was asked with was revoked. Undefined if it may. A token that has expired meanwhile is as
   * good as it was.
   */
  refusal(
    { name, tokenId, from = "", approvals = 0 }: WaitingAsker,
    work: AskedWork,
    agent: string,
  ): string | undefined {
    const { fact, rule = "" } = this.#factAgainst(name, tokenId) ??
      this.#factOfRules(name, work, { agent, approvals });
    if (fact === undefined) return undefined;
    const reason = `not sent: "${name}" may no longer do it: ${fact}`;
    this.#options.denied({
      who: name,
      credential: `token ${tokenId}`,
      origin: from,
      act: "Send",
      on: [agent],
      operation: work.operation,
      rule,
      reason,
    });
    return reason;
  }

  /** Fact about an operator by which nothing is sent for it any more; undefined if there is none. */
  #factAgainst(name: string, tokenId: number): Against | undefined {
    const record = this.#options.find(name)?.record;
    if (record === undefined) return { fact: "there is no such operator" };
    if (record.suspended) return { fact: "it is suspended" };
    if (!record.tokens.some(({ id }) => id === tokenId)) {
      return { fact: `token ${tokenId} was revoked` };
    }
    return hasRole(record.role, "operator")
      ? undefined
      : { fact: `its role is "${record.role}" now` };
  }

  #factOfRules(
    name: string,
    work: AskedWork,
    { agent, approvals }: {
      readonly agent: string;
      readonly approvals: number;
    },
  ): Against {
    const decision = this.decide(name, work, [agent]);
    if (!decision.allowed) return decision;
    if (decision.approvals <= approvals) return {};
    const { rule } = decision;
    const needs = approvalsText(decision.approvals);
    return {
      fact: `rule ${rule} needs ${needs} by somebody else now, and it has ${
        approvals === 0 ? "none" : approvals
      }`,
      rule,
    };
  }

  #rules(name: string): readonly Rule[] {
    return this.#options.find(name)?.rules ?? [];
  }

  #ruled(names: readonly string[]): RuledAgent[] {
    return names.map((name) => {
      const entry = this.#options.roster.get(name);
      const { groups = [], facts = {}, setFacts = {} } = entry ?? {};
      const connected = entry?.connected ?? false;
      return {
        trusting: { name, groups, facts, connected },
        wary: { name, groups, facts: setFacts, connected },
      };
    });
  }
}

function approvalsOf(decision: Decision): number {
  return decision.allowed ? decision.approvals : 0;
}

/** Refuses work that waits for nobody's approval, but needs some. */
function requireNone(decision: Decision, operation: string): void {
  const count = approvalsOf(decision);
  if (count === 0) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot run ${operation} at once: rule ${decision.rule} needs ${
      approvalsText(count)
    } by somebody else (piri-manager run asks for it)`,
  );
}
