import type { Asker } from "../../base/asker.ts";
import type { Role } from "../../base/role.ts";
import type {
  NewRule,
  OperatorRecord,
  RuleRecord,
  TokenRecord,
} from "../../store/operator_records.ts";
import type { TargetSelection } from "./target_api.ts";

/** Work that somebody asks for. */
export interface AskedWork {
  /** Name of the operation. */
  readonly operation: string;
  /** JSON object of its parameters. */
  readonly params: string;
}

/** Agents that somebody sees. */
export interface Sight {
  /** True for an agent that is seen. One that is not there is not seen. */
  has(agent: string): boolean;
  /** Names of all that are seen. */
  names(): readonly string[];
}

/** Bounds of the tokens that codes are traded for. */
export interface TokenBounds {
  /** Life of a token in milliseconds. */
  readonly tokenLifeMs: number;
  /** Networks that code and token are good from; any if absent or empty. */
  readonly cidrs?: readonly string[];
}

/** Rights of a caller on agents. */
export interface Rights {
  /** Role at this moment. */
  readonly role: Role;
  /** Agents that the caller sees now; all if undefined. */
  readonly sight: Sight | undefined;
  /** Number of the token. */
  readonly tokenId: number;
  /**
   * Refuses work that no rule allows on these agents, or that one denies.
   *
   * @throws {PiriError} DENIED with the rule and the agent
   */
  check(work: AskedWork, agents: readonly string[]): void;
  /**
   * Refuses as `check`, and also work that rules allow only with approvals by others.
   *
   * @throws {PiriError} DENIED; FAILED_PRECONDITION
   */
  checkAlone(work: AskedWork, agents: readonly string[]): void;
  /**
   * Number of approvals by others that rules ask for.
   *
   * @throws {PiriError} DENIED
   */
  approvals(work: AskedWork, agents: readonly string[]): number;
  /** Names of those agents on which rules allow some work. */
  allowed(work: AskedWork, agents: readonly string[]): ReadonlySet<string>;
  /** Tells why work that has waited is not sent to an agent: the caller may not do it any more. Undefined if it may. */
  refusal(work: AskedWork, agent: string): string | undefined;
}

/** Operator of a request. */
export interface Identity extends Rights {
  /** Name of the operator. */
  readonly name: string;
  /** Run of the CI that the token was made for; empty for a person's. */
  readonly run: string;
  /** Address that the request came from. */
  readonly from: string;
  /** Aborted with an error once the token does not count any more: expired or revoked, or its operator suspended or removed. */
  readonly ended: AbortSignal;
}

/** Rule as people see it. */
export interface RuleView extends RuleRecord {
  /** True if anything can be run by it in the end, as by a shell. */
  readonly unlimited: boolean;
}

/** Operator as people see it. */
export interface OperatorView extends Omit<OperatorRecord, "tokens" | "rules"> {
  /** Tokens and codes in the order of their numbers. */
  readonly tokens: readonly Omit<TokenRecord, "hash">[];
  /** Rules in the order of their numbers. */
  readonly rules: readonly RuleView[];
}

/** Token that was traded for a code. */
export interface LoggedIn {
  /** The token: a secret. */
  readonly token: string;
  /** Name of the operator. */
  readonly operator: string;
  /** Role of the operator. */
  readonly role: Role;
  /** Time at which it expires, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Operators who ask from other machines. */
export interface AccessAdmin {
  /** Lists the operators by name. */
  list(): OperatorView[];
  /**
   * Adds an operator and returns a line to log in with.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a bad name, rule or network; ALREADY_EXISTS; FAILED_PRECONDITION without a control port
   */
  add(
    operator: TokenBounds & {
      /** Name of the operator. */
      readonly name: string;
      /** Role of the operator. */
      readonly role: Role;
      /** First rules. */
      readonly rules: readonly NewRule[];
      /** Target expression of the agents that it sees; all if empty. */
      readonly see?: string;
    },
    asker?: Asker,
  ): Promise<string>;
  /**
   * Returns another line to log in with.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION without a control port
   */
  invite(name: string, bounds: TokenBounds, asker?: Asker): Promise<string>;
  /**
   * Changes an operator. What is absent stays.
   *
   * @throws {PiriError} NOT_FOUND
   */
  set(
    name: string,
    change: {
      /** Another role. */
      readonly role?: Role | undefined;
      /** True to refuse the operator until it is false again. */
      readonly suspended?: boolean | undefined;
      /** Target expression of the agents that it sees; all if empty. */
      readonly see?: string | undefined;
    },
    asker?: Asker,
  ): Promise<OperatorView>;
  /**
   * Removes an operator with all rules and tokens.
   *
   * @throws {PiriError} NOT_FOUND
   */
  remove(name: string, asker?: Asker): Promise<void>;
  /**
   * Ends a token or code.
   *
   * @throws {PiriError} NOT_FOUND
   */
  revoke(tokenId: number, asker?: Asker): Promise<void>;
  /**
   * Ends a token at the wish of its owner. Work that was asked for with it and waits goes on, as after its expiry.
   *
   * @throws {PiriError} NOT_FOUND
   */
  logout(tokenId: number, asker: Asker): Promise<void>;
  /**
   * Adds a rule, which gets the next number.
   *
   * @throws {PiriError} NOT_FOUND; INVALID_ARGUMENT for a bad expression, operation or bound
   */
  addRule(rule: NewRule, asker?: Asker): Promise<RuleView>;
  /**
   * Removes a rule.
   *
   * @throws {PiriError} NOT_FOUND
   */
  removeRule(operator: string, number: number, asker?: Asker): Promise<void>;
  /**
   * Tells what the rules of an operator say, now or at another time in milliseconds since 1970.
   *
   * @throws {PiriError} NOT_FOUND, and as the resolution of targets
   */
  test(
    operator: string,
    selection: TargetSelection,
    work: AskedWork,
    at?: number,
  ): Promise<{ readonly allowed: boolean; readonly reason: string }>;
  /**
   * Trades a code, which is good once, for a token. Networks bound the token more than the code does.
   *
   * @throws {PiriError} AUTH_FAILED; INVALID_ARGUMENT for networks that are wrong or beyond those of the code
   */
  login(
    code: string,
    from: string,
    cidrs?: readonly string[],
  ): Promise<LoggedIn>;
  /** Kind of a token that does not count, and whose it was, for the audit. */
  whose(token: string): string;
  /** Operator of a token; undefined if it does not count. */
  admit(token: string, from: string): Identity | undefined;
}
