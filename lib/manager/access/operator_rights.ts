import type { Clock } from "../../base/clock.ts";
import { hasRole } from "../../base/role.ts";
import type { OperatorRecord } from "../../store/operator_records.ts";
import type { AskedWork } from "../access_api.ts";
import type { AgentRoster } from "../agent_roster.ts";
import type { Denial } from "../audit_api.ts";
import {
  allowedOf,
  decide,
  type Decision,
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
  readonly clock: Pick<Clock, "now">;
  /** Records in the audit that something was denied. */
  readonly denied: (denial: Denial) => void;
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
    { name, tokenId, from = "" }: {
      readonly name: string;
      readonly tokenId: number;
      /** Address that it was asked from, if it is known. */
      readonly from?: string;
    },
    work: AskedWork,
    agent: string,
  ): string | undefined {
    const { fact, rule = "" } = this.#factAgainst(name, tokenId) ??
      this.#factOfRules(name, work, agent);
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

  #factOfRules(name: string, work: AskedWork, agent: string): Against {
    const decision = this.decide(name, work, [agent]);
    return decision.allowed ? {} : decision;
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
