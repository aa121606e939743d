import { PiriError } from "../base/errors.ts";
import { badLogin } from "../base/login_line.ts";
import type { Database } from "./database.ts";
import type { Issuers } from "./issuers.ts";
import type {
  NewRule,
  NewToken,
  OperatorChange,
  OperatorRecord,
  RuleRecord,
  TokenRecord,
} from "./operator_records.ts";
import { blob, flag, int, json, nullable, Shape, text, word } from "./shape.ts";

const shape = new Shape<
  Omit<OperatorRecord, "tokens" | "rules" | "ci">
>({
  name: text,
  role: word(),
  suspended: flag,
  see: text,
  createdAt: int,
});

const tokenShape = new Shape<TokenRecord>({
  id: int,
  operator: text,
  hash: blob,
  isCode: flag,
  lifeMs: int,
  createdAt: int,
  expiresAt: int,
  cidrs: json(),
  usedAt: nullable(int),
  usedFrom: text,
  run: text,
});

const ruleShape = new Shape<RuleRecord>({
  operator: text,
  number: int,
  deny: flag,
  onTargets: text,
  operations: json(),
  argv: json(),
  most: int,
  trustFacts: flag,
  within: text,
  approve: int,
});

/** Time for which a token of a CI job is kept after its end, in milliseconds. */
const CI_TOKEN_KEPT_MS = 7 * 86_400_000;

/** Tables of operators, their tokens and their rules: a few rows, which are always read as a whole. */
export class Operators {
  readonly #db: Database;
  readonly #issuers: Issuers;

  constructor(db: Database, issuers: Issuers) {
    this.#db = db;
    this.#issuers = issuers;
  }

  /** All operators, ordered by name. */
  all(): OperatorRecord[] {
    const tokens = this.#db.all(
      `SELECT ${tokenShape.list} FROM operator_tokens ORDER BY id`,
    ).map((row) => tokenShape.record(row));
    const rules = this.#db.all(
      `SELECT ${ruleShape.list} FROM operator_rules ORDER BY operator, number`,
    ).map((row) => ruleShape.record(row));
    const cis = this.#issuers.operators();
    return this.#db.all(`SELECT ${shape.list} FROM operators ORDER BY name`)
      .map((row) => shape.record(row))
      .map((operator) => ({
        ...operator,
        tokens: tokens.filter((token) => token.operator === operator.name),
        rules: rules.filter((rule) => rule.operator === operator.name),
        ci: cis.get(operator.name) ?? null,
      }));
  }

  /** @throws {PiriError} ALREADY_EXISTS, NOT_FOUND; AUTH_FAILED for a code that cannot be traded */
  change(change: OperatorChange): void {
    switch (change.kind) {
      case "add":
        this.#add(change.operator);
        if (change.code !== undefined) this.#addToken(change.code);
        if (change.ci !== undefined) {
          this.#issuers.addOperator(change.operator.name, change.ci);
        }
        for (const rule of change.rules) this.#addRule(rule);
        return;
      case "set":
        return this.#set(change);
      case "remove":
        return this.#require(
          this.#db.run("DELETE FROM operators WHERE name = ?", change.name),
          `operator "${change.name}"`,
        );
      case "addToken":
        this.#requireOperator(change.token.operator);
        return this.#addToken(change.token);
      case "trade":
        return this.#trade(change);
      case "takeCiToken":
        return this.#takeCiToken(change);
      case "revoke":
        return this.#require(
          this.#db.run("DELETE FROM operator_tokens WHERE id = ?", change.id),
          `token ${change.id}`,
        );
      case "expire":
        return this.#require(
          this.#db.run(
            "UPDATE operator_tokens SET expires_at = min(expires_at, ?) WHERE id = ?",
            Math.trunc(change.at),
            change.id,
          ),
          `token ${change.id}`,
        );
      case "use":
        this.#db.run(
          "UPDATE operator_tokens SET used_at = ?, used_from = ? WHERE id = ?",
          Math.trunc(change.at),
          change.from,
          change.id,
        );
        return;
      case "addRule":
        this.#requireOperator(change.rule.operator);
        return this.#addRule(change.rule);
      case "removeRule":
        return this.#require(
          this.#db.run(
            "DELETE FROM operator_rules WHERE operator = ? AND number = ?",
            change.operator,
            change.number,
          ),
          `rule ${change.operator}#${change.number}`,
        );
    }
  }

  #add(
    operator: (OperatorChange & { kind: "add" })["operator"],
  ): void {
    const { changes } = this.#db.run(
      "INSERT INTO operators (name, role, suspended, see, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      ...shape.cells({ ...operator, suspended: false }, [
        "name",
        "role",
        "suspended",
        "see",
        "createdAt",
      ]),
    );
    if (changes > 0) return;
    throw new PiriError(
      "ALREADY_EXISTS",
      `Cannot add operator "${operator.name}": there is one of that name`,
    );
  }

  #set({ name, role, suspended, see }: OperatorChange & { kind: "set" }): void {
    this.#require(
      this.#db.run(
        "UPDATE operators SET role = coalesce(?, role), suspended = coalesce(?, suspended), see = coalesce(?, see) WHERE name = ?",
        role ?? null,
        suspended === undefined ? null : Number(suspended),
        see ?? null,
        name,
      ),
      `operator "${name}"`,
    );
  }

  #addToken(token: NewToken): void {
    this.#db.run(
      `INSERT INTO operator_tokens (operator, hash, is_code, life_ms, cidrs, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...tokenShape.cells(token, [
        "operator",
        "hash",
        "isCode",
        "lifeMs",
        "cidrs",
        "createdAt",
        "expiresAt",
      ]),
    );
  }

  #trade(
    { code, hash, at, from, cidrs }: OperatorChange & { kind: "trade" },
  ): void {
    const row = this.#db.get(
      `SELECT ${tokenShape.list} FROM operator_tokens WHERE hash = ? AND is_code = 1`,
      code,
    );
    const found = row && tokenShape.record(row);
    if (found === undefined || found.expiresAt <= at) {
      throw badLogin();
    }
    this.#db.run("DELETE FROM operator_tokens WHERE id = ?", found.id);
    this.#addToken({
      operator: found.operator,
      hash,
      isCode: false,
      lifeMs: found.lifeMs,
      cidrs: cidrs.length > 0 ? cidrs : found.cidrs,
      createdAt: at,
      expiresAt: at + found.lifeMs,
    });
    this.#db.run(
      "UPDATE operator_tokens SET used_at = ?, used_from = ? WHERE hash = ?",
      Math.trunc(at),
      from,
      hash,
    );
  }

  #takeCiToken(
    { spent, token, run, from }: OperatorChange & { kind: "takeCiToken" },
  ): void {
    const { operator, hash, createdAt } = token;
    this.#requireOperator(operator);
    this.#issuers.spend(spent, createdAt);
    // Each run brings a token, so those that have ended would heap up. Work that waits asks for its own for a while.
    this.#db.run(
      "DELETE FROM operator_tokens WHERE operator = ? AND expires_at <= ?",
      operator,
      Math.trunc(createdAt - CI_TOKEN_KEPT_MS),
    );
    this.#addToken(token);
    this.#db.run(
      "UPDATE operator_tokens SET used_at = ?, used_from = ?, run = ? WHERE hash = ?",
      Math.trunc(createdAt),
      from,
      run,
      hash,
    );
  }

  #addRule(rule: NewRule): void {
    const last = this.#db.get(
      "SELECT max(number) AS last FROM operator_rules WHERE operator = ?",
      rule.operator,
    )?.["last"];
    this.#db.run(
      `INSERT INTO operator_rules (${ruleShape.list}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...ruleShape.cells({ ...rule, number: Number(last ?? 0) + 1 }, [
        "operator",
        "number",
        "deny",
        "onTargets",
        "operations",
        "argv",
        "most",
        "trustFacts",
        "within",
        "approve",
      ]),
    );
  }

  #requireOperator(name: string): void {
    const row = this.#db.get("SELECT 1 FROM operators WHERE name = ?", name);
    if (row === undefined) throw notFound(`operator "${name}"`);
  }

  #require({ changes }: { changes: number }, what: string): void {
    if (changes === 0) throw notFound(what);
  }
}

function notFound(what: string): PiriError {
  return new PiriError("NOT_FOUND", `Cannot find ${what}`);
}
