import type { Role } from "../base/role.ts";
import type { CiRecord, SpentToken } from "./issuer_records.ts";

/** Operator as the database has it. */
export interface OperatorRecord {
  /** Name of the operator. */
  readonly name: string;
  /** Role of the operator. */
  readonly role: Role;
  /** True while nothing is allowed. */
  readonly suspended: boolean;
  /** Target expression of the agents that it sees; all if empty. */
  readonly see: string;
  /** Time at which it was added, in milliseconds since 1970. */
  readonly createdAt: number;
  /** Tokens and codes in the order of their numbers. */
  readonly tokens: readonly TokenRecord[];
  /** Rules in the order of their numbers. */
  readonly rules: readonly RuleRecord[];
  /** Jobs of a CI that log in as this operator; null for a person, who logs in by codes. */
  readonly ci: CiRecord | null;
}

/** Token of an operator, or a code that is traded for one. */
export interface TokenRecord {
  /** Number, which is not secret. */
  readonly id: number;
  /** Name of the operator. */
  readonly operator: string;
  /** SHA-256 of its text. */
  readonly hash: Uint8Array;
  /** True for a code. */
  readonly isCode: boolean;
  /** Life of the token of a code, in milliseconds. */
  readonly lifeMs: number;
  /** Time at which it was made, in milliseconds since 1970. */
  readonly createdAt: number;
  /** Time at which it expires, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** Networks that the token, or that of a code, is good from; any if empty. */
  readonly cidrs: readonly string[];
  /** Last use, in milliseconds since 1970; null for none. */
  readonly usedAt: number | null;
  /** Address of the last use. */
  readonly usedFrom: string;
  /** Run of the CI that it was made for; empty for a person's. */
  readonly run: string;
}

/** Rule that allows or denies operations on agents. */
export interface RuleRecord {
  /** Name of the operator. */
  readonly operator: string;
  /** Number within the operator's rules. Never used again while a later one is there. */
  readonly number: number;
  /** True if it denies, false if it allows. */
  readonly deny: boolean;
  /** Target expression. */
  readonly onTargets: string;
  /** Names of operations, with "*" for any text. */
  readonly operations: readonly string[];
  /** Words of a command's arguments, with "*" within each and "..." for more at the end; any arguments if empty. */
  readonly argv: readonly string[];
  /** Most agents of one request; any number if 0. */
  readonly most: number;
  /** True if facts that agents tell count, too. */
  readonly trustFacts: boolean;
  /** Approvals by others that a job by this rule needs: 0 to 5. */
  readonly approve: number;
  /** Hours in which it is about anything, such as "Mon-Fri 08:00-18:00 Europe/Berlin"; always if empty. */
  readonly within: string;
}

/** Token or code that is not recorded yet. */
export type NewToken = Pick<
  TokenRecord,
  | "operator"
  | "hash"
  | "isCode"
  | "lifeMs"
  | "cidrs"
  | "createdAt"
  | "expiresAt"
>;

/** Rule that has no number yet. */
export type NewRule = Omit<RuleRecord, "number">;

/** Change of operators, recorded in one write. */
export type OperatorChange =
  | {
    readonly kind: "add";
    readonly operator: Pick<
      OperatorRecord,
      "name" | "role" | "see" | "createdAt"
    >;
    readonly rules: readonly NewRule[];
    /** Absent for jobs of a CI. */
    readonly code?: NewToken;
    /** Absent for a person. */
    readonly ci?: CiRecord;
  }
  | {
    readonly kind: "set";
    readonly name: string;
    readonly role?: Role | undefined;
    readonly suspended?: boolean | undefined;
    readonly see?: string | undefined;
  }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "addToken"; readonly token: NewToken }
  | {
    readonly kind: "trade";
    readonly code: Uint8Array;
    readonly hash: Uint8Array;
    /** Time of the trade, in milliseconds since 1970. */
    readonly at: number;
    readonly from: string;
    /** Networks that the token is good from, within those of the code; as the code says if empty. */
    readonly cidrs: readonly string[];
  }
  | {
    readonly kind: "expire";
    readonly id: number;
    /** Time of the end, in milliseconds since 1970. */
    readonly at: number;
  }
  | {
    /** Takes a token of a CI for one of ours. */
    readonly kind: "takeCiToken";
    readonly spent: SpentToken;
    readonly token: NewToken;
    readonly run: string;
    readonly from: string;
  }
  | { readonly kind: "revoke"; readonly id: number }
  | {
    readonly kind: "use";
    readonly id: number;
    /** Time of the use, in milliseconds since 1970. */
    readonly at: number;
    readonly from: string;
  }
  | { readonly kind: "addRule"; readonly rule: NewRule }
  | {
    readonly kind: "removeRule";
    readonly operator: string;
    readonly number: number;
  };
