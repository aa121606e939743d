import { type Asker, NOBODY } from "../../base/asker.ts";
import {
  CI_FACTS,
  CI_KINDS,
  type CiKind,
  ciKindAt,
  ciKindBy,
} from "../../base/ci_kind.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import type { IssuerRecord } from "../../store/issuer_records.ts";
import type { Store } from "../../store/store.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { CiAdmin, NewIssuer } from "../api/ci_api.ts";
import { type FetchText, IssuerKeys } from "./issuer_keys.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

export interface IssuersOptions {
  readonly store: Pick<Store, "issuers" | "changeIssuers">;
  readonly clock: Clock;
  readonly fetchText: FetchText;
}

/** Issuer with its keys. */
export interface Issuer {
  readonly record: IssuerRecord;
  readonly keys: IssuerKeys;
}

/** Issuers of tokens of CI jobs, in memory as the database has them. */
export class Issuers {
  readonly #options: IssuersOptions;
  /** Issuers by name. */
  #issuers = new Map<string, Issuer>();

  constructor(options: IssuersOptions) {
    this.#options = options;
  }

  /** Loads what the database has. Called once. */
  async load(): Promise<void> {
    this.#adopt(await this.#options.store.issuers());
  }

  list(): IssuerRecord[] {
    return [...this.#issuers.values()].map(({ record }) => record);
  }

  /** @throws {PiriError} as `CiAdmin.addIssuer` */
  async add(issuer: NewIssuer, asker: Asker = NOBODY): Promise<IssuerRecord> {
    const { store, clock } = this.#options;
    const { kind: told, url: at } = placeOf(issuer);
    const given = {
      name: issuer.name,
      url: at,
      jwks: issuer.jwks ?? null,
      ca: issuer.ca ?? null,
      createdAt: clock.now(),
    };
    const keys = new IssuerKeys(given, this.#options);
    await keys.load();
    const record: IssuerRecord = {
      ...given,
      kind: told ?? ciKindBy(keys.claims) ?? "other",
    };
    const { name, kind, url, jwks, ca } = record;
    const statement = { kind, url, jwks, ca };
    const records = await store.changeIssuers(
      { kind: "add", issuer: record },
      auditEntry({ act: "AddIssuer", on: [name], statement }, asker, clock),
    );
    this.#adopt(records, { record, keys });
    return record;
  }

  /** @throws {PiriError} as `CiAdmin.setIssuer` */
  async set(
    ...[name, change, asker = NOBODY]: Parameters<CiAdmin["setIssuer"]>
  ): Promise<IssuerRecord> {
    const { store, clock } = this.#options;
    const known = this.require(name);
    const { jwks = known.jwks, ca = known.ca } = change;
    const record = { ...known, jwks, ca };
    const keys = new IssuerKeys(record, this.#options);
    await keys.load();
    const statement = { jwks, ca };
    const records = await store.changeIssuers(
      { kind: "set", name, ...change },
      auditEntry({ act: "SetIssuer", on: [name], statement }, asker, clock),
    );
    this.#adopt(records, { record, keys });
    return record;
  }

  /** @throws {PiriError} as `CiAdmin.removeIssuer` */
  async remove(name: string, asker: Asker = NOBODY): Promise<void> {
    const { store, clock } = this.#options;
    const records = await store.changeIssuers(
      { kind: "remove", name },
      auditEntry({ act: "RemoveIssuer", on: [name] }, asker, clock),
    );
    this.#adopt(records);
  }

  /** Issuer with this URL. */
  at(url: string): Issuer | undefined {
    return [...this.#issuers.values()].find(({ record }) => record.url === url);
  }

  /**
   * Issuer of this name.
   *
   * @throws {PiriError} NOT_FOUND
   */
  require(name: string): IssuerRecord {
    const known = this.#issuers.get(name);
    if (known !== undefined) return known.record;
    throw new PiriError("NOT_FOUND", `Cannot find issuer "${name}"`);
  }

  /** Takes over what the database has. Keys that were fetched stay. */
  #adopt(records: readonly IssuerRecord[], added?: Issuer): void {
    const known = new Map(this.#issuers);
    if (added !== undefined) known.set(added.record.name, added);
    this.#issuers = new Map(records.map((record) => {
      const old = known.get(record.name);
      const isSame = old?.record.url === record.url &&
        old.record.jwks === record.jwks && old.record.ca === record.ca;
      const keys = old !== undefined && isSame
        ? old.keys
        : new IssuerKeys(record, this.#options);
      return [record.name, { record, keys }];
    }));
  }
}

/**
 * URL of a new issuer, and its kind, as far as name or URL tell it.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
function placeOf(
  { name, kind: given, url: givenUrl }: NewIssuer,
): { readonly kind: CiKind | undefined; readonly url: string } {
  const refuse = (fact: string) =>
    new PiriError("INVALID_ARGUMENT", `Cannot add issuer "${name}": ${fact}`);
  if (!NAME.test(name)) {
    throw refuse("a name has letters, digits, and _ . -, 100 at most");
  }
  const named = CI_KINDS.find((kind) => kind === name);
  const url = givenUrl ?? CI_FACTS[given ?? named ?? "other"].url;
  if (url === undefined) throw refuse("its URL is missing");
  if (URL.parse(url)?.protocol !== "https:" || /[?#]/.test(url)) {
    throw refuse(`"${url}" is no https URL without a query`);
  }
  const known = ciKindAt(url);
  if (known !== undefined && given !== undefined && given !== known) {
    throw refuse(`"${url}" is a ${known}`);
  }
  return { kind: known ?? given ?? named, url };
}
