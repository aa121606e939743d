import { PiriError } from "../base/errors.ts";
import type { Database } from "./database.ts";
import type {
  CiRecord,
  IssuerChange,
  IssuerRecord,
  SpentToken,
} from "./issuer_records.ts";
import { int, json, nullable, Shape, text, word } from "./shape.ts";

const shape = new Shape<IssuerRecord>({
  name: text,
  kind: word(),
  url: text,
  jwks: nullable(text),
  ca: nullable(text),
  createdAt: int,
});

const ciShape = new Shape<CiRecord & { readonly operator: string }>({
  operator: text,
  issuer: text,
  claims: json(),
  lifeMs: int,
});

/** Tables of issuers, of the operators who log in by their tokens, and of the tokens that were taken. */
export class Issuers {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** All issuers, ordered by name. */
  all(): IssuerRecord[] {
    return this.#db.all(`SELECT ${shape.list} FROM issuers ORDER BY name`)
      .map((row) => shape.record(row));
  }

  /**
   * Makes a change, and returns all issuers as they are then.
   *
   * @throws {PiriError} ALREADY_EXISTS; NOT_FOUND; FAILED_PRECONDITION for one that operators log in by
   */
  change(change: IssuerChange): IssuerRecord[] {
    switch (change.kind) {
      case "add":
        this.#add(change.issuer);
        break;
      case "set":
        this.#set(change);
        break;
      case "remove":
        this.#remove(change.name);
    }
    return this.all();
  }

  /** Operators who log in by tokens of a CI, by name. */
  operators(): Map<string, CiRecord> {
    return new Map(
      this.#db.all(`SELECT ${ciShape.list} FROM ci_operators`)
        .map((row) => ciShape.record(row))
        .map(({ operator, ...ci }) => [operator, ci]),
    );
  }

  /** @throws {PiriError} NOT_FOUND */
  addOperator(operator: string, ci: CiRecord): void {
    this.#require(ci.issuer);
    this.#db.run(
      `INSERT INTO ci_operators (${ciShape.list}) VALUES (?, ?, ?, ?)`,
      ...ciShape.cells({ operator, ...ci }, [
        "operator",
        "issuer",
        "claims",
        "lifeMs",
      ]),
    );
  }

  /** @throws {PiriError} AUTH_FAILED for a token that was taken before */
  spend({ hash, goodUntil }: SpentToken, now: number): void {
    this.#db.run(
      "DELETE FROM spent_ci_tokens WHERE good_until < ?",
      Math.trunc(now),
    );
    const { changes } = this.#db.run(
      "INSERT INTO spent_ci_tokens (hash, good_until) VALUES (?, ?) ON CONFLICT DO NOTHING",
      hash,
      Math.trunc(goodUntil),
    );
    if (changes > 0) return;
    throw new PiriError(
      "AUTH_FAILED",
      "Cannot accept the token of the CI: it was used before",
    );
  }

  #add(issuer: IssuerRecord): void {
    const { changes } = this.#db.run(
      `INSERT INTO issuers (${shape.list}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...shape.cells(issuer, [
        "name",
        "kind",
        "url",
        "jwks",
        "ca",
        "createdAt",
      ]),
    );
    if (changes > 0) return;
    const other = this.all().find(({ url }) => url === issuer.url);
    throw new PiriError(
      "ALREADY_EXISTS",
      `Cannot add issuer "${issuer.name}": ${
        other === undefined || other.name === issuer.name
          ? "there is one of that name"
          : `"${other.name}" has that URL`
      }`,
    );
  }

  #set({ name, jwks, ca }: IssuerChange & { kind: "set" }): void {
    this.#require(name);
    this.#db.run(
      "UPDATE issuers SET jwks = coalesce(?, jwks), ca = coalesce(?, ca) WHERE name = ?",
      jwks ?? null,
      ca ?? null,
      name,
    );
  }

  #remove(name: string): void {
    this.#require(name);
    const users = [...this.operators()]
      .flatMap(([operator, { issuer }]) => issuer === name ? [operator] : [])
      .toSorted();
    if (users.length > 0) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot remove issuer "${name}": operators log in by it (${
          users.join(", ")
        })`,
      );
    }
    this.#db.run("DELETE FROM issuers WHERE name = ?", name);
  }

  #require(name: string): void {
    const row = this.#db.get("SELECT 1 FROM issuers WHERE name = ?", name);
    if (row !== undefined) return;
    throw new PiriError("NOT_FOUND", `Cannot find issuer "${name}"`);
  }
}
