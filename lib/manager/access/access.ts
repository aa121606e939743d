import type { Clock } from "../../base/clock.ts";
import { type Asker, NOBODY } from "../../base/asker.ts";
import { badLogin, encodeLoginLine } from "../../base/login_line.ts";
import { PiriError } from "../../base/errors.ts";
import { isFrom } from "../../base/network.ts";
import { newToken } from "../../base/operator_token.ts";
import type { Random } from "../../base/random.ts";
import { hashSecret, newSecret } from "../../base/secret.ts";
import { encodeHex } from "@std/encoding/hex";
import type {
  NewRule,
  NewToken,
  OperatorChange,
  OperatorRecord,
  TokenRecord,
} from "../../store/operator_records.ts";
import type { NewAudit } from "../../store/audit_records.ts";
import type { Store } from "../../store/store.ts";
import type {
  AccessAdmin,
  AskedWork,
  Identity,
  LoggedIn,
  OperatorView,
  RuleView,
  Sight,
  TokenBounds,
} from "../api/access_api.ts";
import type { AgentRoster } from "../agents/agent_roster.ts";
import type { Denial } from "../api/audit_api.ts";
import { type Act, auditEntry } from "../audit/audit_entry.ts";
import type { TargetSelection } from "../api/target_api.ts";
import type { Targeting } from "../targeting.ts";
import { type ControlPlace, requirePlace } from "./control_place.ts";
import {
  allowedText,
  checkNew,
  checkRule,
  type Known,
  knownOf,
  viewOf,
} from "./known_operator.ts";
import { LiveTokens, notKnown } from "./live_tokens.ts";
import { OperatorRights } from "./operator_rights.ts";
import { checkSight, Sights } from "./sight.ts";
import { checkNetworks } from "./token_networks.ts";
import { TokenUses } from "./token_uses.ts";

/** Begin of each token, by which scanners find one that leaked. */
export const TOKEN_PREFIX = "piri_op_";

/** Time in which a code can be traded, in milliseconds. */
const CODE_MS = 600_000;

export interface AccessOptions {
  readonly store: Pick<Store, "operators" | "changeOperators">;
  readonly clock: Clock;
  readonly random: Random;
  readonly roster: AgentRoster;
  readonly targeting: Targeting;
  /** Names of the operations by which anything can be run on a host. */
  readonly unlimitedOperations: readonly string[];
  /** Records in the audit that something was denied. */
  readonly denied: (denial: Denial) => void;
  /** Undefined while there is no control port. */
  readonly place: () => ControlPlace | undefined;
}

/** Operators, their tokens and their rules, in memory as the database has them. Rights are looked up when they are used. */
export class Access implements AccessAdmin {
  readonly #options: AccessOptions;
  #operators = new Map<string, Known>();
  /** Tokens by the hex digits of their hashes. */
  #tokens = new Map<string, TokenRecord>();
  readonly #live: LiveTokens;
  readonly #sights: Sights;
  /** Rights of operators on agents. */
  readonly rights: OperatorRights;
  readonly #uses = new TokenUses((use) => this.change({ kind: "use", ...use }));

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#live = new LiveTokens(options.clock);
    this.#sights = new Sights(options);
    this.rights = new OperatorRights({
      ...options,
      find: (name) => this.#operators.get(name),
      sightOf: (name) => this.#sightOf(name),
    });
  }

  /** Loads what the database has. Called once. */
  async load(): Promise<void> {
    this.#adopt(await this.#options.store.operators());
  }

  /** Ends what waits for the expiry of tokens. */
  stop(): void {
    this.#live.stop();
  }

  list(): OperatorView[] {
    return [...this.#operators.values()].map((known) => this.#viewOf(known));
  }

  async add(
    { name, role, rules, see = "", ...token }: Parameters<
      AccessAdmin["add"]
    >[0],
    asker?: Asker,
  ): Promise<string> {
    checkNew(name, rules);
    const { clock } = this.#options;
    checkSight(see, role);
    const statement = { role, rules, see, ...token };
    return await this.#withCode(name, token, (code) => ({
      kind: "add",
      operator: { name, role, see, createdAt: clock.now() },
      rules,
      code,
    }), this.#audit("AddOperator", name, asker, statement));
  }

  /** Operator as the database has it. */
  operator(name: string): OperatorRecord | undefined {
    return this.#operators.get(name)?.record;
  }

  async invite(
    name: string,
    bounds: TokenBounds,
    asker?: Asker,
  ): Promise<string> {
    if (this.operator(name)?.ci) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot invite operator "${name}": jobs of a CI log in as it, by tokens of the CI`,
      );
    }
    return await this.#withCode(
      name,
      bounds,
      (token) => ({ kind: "addToken", token }),
      this.#audit("InviteOperator", name, asker, { ...bounds }),
    );
  }

  async set(
    ...[name, change, asker]: Parameters<AccessAdmin["set"]>
  ): Promise<OperatorView> {
    const { record } = this.#require(name);
    checkSight(change.see ?? record.see, change.role ?? record.role);
    await this.change(
      { kind: "set", name, ...change },
      this.#audit("SetOperator", name, asker, change),
    );
    if (change.see !== undefined && change.see !== record.see) {
      for (const { id } of record.tokens) this.#live.interrupt(id);
    }
    return this.#viewOf(this.#require(name));
  }

  async remove(name: string, asker?: Asker): Promise<void> {
    await this.change(
      { kind: "remove", name },
      this.#audit("RemoveOperator", name, asker),
    );
  }

  async revoke(id: number, asker?: Asker): Promise<void> {
    await this.change(
      { kind: "revoke", id },
      this.#audit("RevokeToken", `token ${id}`, asker),
    );
  }

  async logout(id: number, asker: Asker): Promise<void> {
    await this.change(
      { kind: "expire", id, at: this.#options.clock.now() },
      this.#audit("Logout", `token ${id}`, asker),
    );
  }

  async addRule(rule: NewRule, asker?: Asker): Promise<RuleView> {
    checkRule(rule);
    const records = await this.change(
      { kind: "addRule", rule },
      this.#audit("AddRule", rule.operator, asker, { rule }),
    );
    // As they were right after this change: others may have been made since.
    const record = records.find(({ name }) => name === rule.operator);
    const added = record && this.#viewOf(knownOf(record)).rules.at(-1);
    if (added !== undefined) return added;
    throw new Error(`operator "${rule.operator}" has no rule`);
  }

  async removeRule(
    operator: string,
    number: number,
    asker?: Asker,
  ): Promise<void> {
    await this.change(
      { kind: "removeRule", operator, number },
      this.#audit("RemoveRule", `${operator}#${number}`, asker),
    );
  }

  async test(
    operator: string,
    selection: TargetSelection,
    work: AskedWork,
    at?: number,
  ): Promise<{ allowed: boolean; reason: string }> {
    this.#require(operator);
    const { agents } = await this.#options.targeting.resolve(selection);
    const decision = this.rights.decide(
      operator,
      work,
      agents.map(({ name }) => name),
      at,
    );
    return decision.allowed
      ? { allowed: true, reason: allowedText(decision) }
      : decision;
  }

  async login(
    code: string,
    from: string,
    cidrs: readonly string[] = [],
  ): Promise<LoggedIn> {
    const { clock, random } = this.#options;
    const codeHash = hashSecret(code);
    // A guessed code costs no write.
    const known = this.#tokens.get(encodeHex(codeHash));
    if (known?.isCode !== true || !isFrom(known.cidrs, from)) throw badLogin();
    checkNetworks(cidrs, { within: known.cidrs, from });
    const token = newToken(TOKEN_PREFIX, random);
    const hash = hashSecret(token);
    await this.change(
      { kind: "trade", code: codeHash, hash, at: clock.now(), from, cidrs },
      this.#audit("Login", known.operator, {
        requestedBy: known.operator,
        saidBy: "",
        credential: `code ${known.id}`,
        origin: from,
      }),
    );
    const record = this.#tokens.get(encodeHex(hash));
    const owner = record && this.#operators.get(record.operator);
    if (record === undefined || owner === undefined) throw badLogin();
    const { operator, expiresAt } = record;
    return { token, operator, expiresAt, role: owner.record.role };
  }

  admit(token: string, from: string): Identity | undefined {
    const record = this.#tokens.get(encodeHex(hashSecret(token)));
    if (record === undefined || record.isCode) return undefined;
    const known = this.#operators.get(record.operator);
    const now = this.#options.clock.now();
    if (known === undefined || known.record.suspended) return undefined;
    if (record.expiresAt <= now) return undefined;
    if (!isFrom(record.cidrs, from)) return undefined;
    this.#uses.note({ id: record.id, at: now, from });
    const { id: tokenId, operator: name, run } = record;
    const roleNow = () => this.#operators.get(name)?.record.role;
    const sightNow = () => this.#sightOf(name);
    return {
      name,
      tokenId,
      run,
      from,
      get sight() {
        return sightNow();
      },
      ended: this.#live.endOf(record),
      get role() {
        const role = roleNow();
        if (role === undefined) throw notKnown();
        return role;
      },
      ...this.rights.bound({ name, tokenId, from }),
    };
  }

  #sightOf(name: string): Sight | undefined {
    return this.#sights.of(this.#operators.get(name)?.record.see ?? "");
  }

  whose(token: string): string {
    const record = this.#tokens.get(encodeHex(hashSecret(token)));
    return record === undefined || record.isCode
      ? "unknown token"
      : `token ${record.id} of ${record.operator}, not accepted`;
  }

  async #withCode(
    operator: string,
    { tokenLifeMs, cidrs = [] }: TokenBounds,
    change: (code: NewToken) => OperatorChange,
    audit: NewAudit,
  ): Promise<string> {
    const place = this.requirePlace();
    checkNetworks(cidrs);
    const { clock, random } = this.#options;
    const code = newSecret(random);
    const createdAt = clock.now();
    await this.change(
      change({
        operator,
        hash: hashSecret(code),
        isCode: true,
        lifeMs: tokenLifeMs,
        cidrs,
        createdAt,
        expiresAt: createdAt + CODE_MS,
      }),
      audit,
    );
    return encodeLoginLine({ ...place, operator, code });
  }

  /** @throws {PiriError} FAILED_PRECONDITION without a control port */
  requirePlace(): ControlPlace {
    return requirePlace(this.#options.place());
  }

  /** Records a change of operators, and takes it over. Returns all operators as they are right after it. */
  async change(
    change: OperatorChange,
    audit?: NewAudit,
  ): Promise<readonly OperatorRecord[]> {
    const records = await this.#options.store.changeOperators(change, audit);
    this.#adopt(records);
    return records;
  }

  #audit(
    act: string,
    on: string,
    asker: Asker | undefined,
    statement?: Act["statement"],
  ): NewAudit {
    return auditEntry(
      { act, on: [on], ...statement === undefined ? {} : { statement } },
      asker ?? NOBODY,
      this.#options.clock,
    );
  }

  #adopt(records: readonly OperatorRecord[]): void {
    this.#operators = new Map(
      records.map((record) => [record.name, knownOf(record)]),
    );
    this.#tokens = new Map(
      records.flatMap(({ tokens }) => tokens)
        .map((token) => [encodeHex(token.hash), token]),
    );
    const now = this.#options.clock.now();
    const good = new Set(
      records.filter(({ suspended }) => !suspended)
        .flatMap(({ tokens }) => tokens)
        .filter(({ expiresAt }) => expiresAt > now).map(({ id }) => id),
    );
    this.#live.keepOnly(good);
    this.#sights.keepOnly(new Set(records.map(({ see }) => see)));
    this.#uses.keepOnly(good);
  }

  #viewOf(known: Known): OperatorView {
    return viewOf(known, this.#options.unlimitedOperations);
  }

  #require(name: string): Known {
    const known = this.#operators.get(name);
    if (known !== undefined) return known;
    throw new PiriError("NOT_FOUND", `Cannot find operator "${name}"`);
  }
}
