import { PiriError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { encodePem } from "../../base/pem.ts";
import { sameHash } from "../../base/secret.ts";
import { certifiedKeyHash } from "../../base/signing_key.ts";
import { Turns } from "../../base/turns.ts";
import {
  readStatement,
  type SignedStatement,
  trustHashes,
  type TrustStatement,
} from "../../wire/trust.ts";

const log = logger("agent", "link");

/** Authority that certifies the Manager. */
export interface Authority {
  readonly certPem: string;
  /** SHA-256 of its public key. */
  readonly hash: Uint8Array;
}

export interface AgentTrustOptions {
  /** Authority of the join token, DER. */
  readonly joined: Uint8Array<ArrayBuffer>;
  /** Key of the Manager that has admitted this agent's; undefined before. */
  readonly pinned: Uint8Array<ArrayBuffer> | undefined;
  /** Newest statement of the Manager; undefined for none. */
  readonly told: TrustStatement | undefined;
  /** Keeps a statement on the disk. */
  readonly keep: (statement: TrustStatement) => Promise<void>;
}

/** Keys of others that an agent trusts: what its join token and its first connection brought, or its Manager's newest statement. */
export class AgentTrust {
  readonly #options: AgentTrustOptions;
  readonly #turns = new Turns();
  #told: TrustStatement | undefined;
  #pinned: Uint8Array<ArrayBuffer> | undefined;
  #authorities: readonly Authority[];

  constructor(options: AgentTrustOptions) {
    this.#options = options;
    this.#told = options.told;
    this.#pinned = options.pinned;
    this.#authorities = this.#authoritiesNow();
  }

  /** Authorities, the one that was met last first. */
  get authorities(): readonly Authority[] {
    return this.#authorities;
  }

  /** Keys of the Manager; empty before one is pinned. */
  get managerKeys(): readonly Uint8Array<ArrayBuffer>[] {
    return this.#told?.managerKeys ??
      (this.#pinned === undefined ? [] : [this.#pinned]);
  }

  /** SHA-256 of each trusted key, for the hello; empty before a Manager's key is pinned. */
  get hashes(): Uint8Array<ArrayBuffer>[] {
    const { managerKeys } = this;
    if (managerKeys.length === 0) return [];
    const authorities = this.#told?.authorities ?? [this.#options.joined];
    return trustHashes({ authorities, managerKeys });
  }

  /** Notes the key of the first Manager. */
  pin(key: Uint8Array<ArrayBuffer>): void {
    this.#pinned = key;
    this.#told = undefined;
  }

  /** Notes which authority certified a Manager. The next dial begins with that one. */
  met(hash: Uint8Array): void {
    const isMet = (each: Authority) => sameHash(each.hash, hash);
    this.#authorities = [
      ...this.#authorities.filter(isMet),
      ...this.#authorities.filter((each) => !isMet(each)),
    ];
  }

  /**
   * Takes a statement of the Manager, and resolves once it is on the disk.
   *
   * @throws {PiriError} DENIED for a wrong signature; REFUSED for an older one; INVALID_ARGUMENT, DISK: nothing has
   * changed
   */
  take(signed: SignedStatement): Promise<Uint8Array<ArrayBuffer>[]> {
    return this.#turns.run(async () => {
      const statement = readStatement(signed, this.managerKeys);
      const { number } = statement;
      const newest = this.#told?.number ?? 0;
      if (number < newest) {
        throw new PiriError(
          "REFUSED",
          `Cannot trust other keys: this is statement ${number}, and this agent has taken ${newest}`,
        );
      }
      await this.#options.keep(statement);
      this.#told = statement;
      this.#authorities = this.#authoritiesNow();
      const { hashes } = this;
      log.info(
        "This agent trusts {count} keys from now on, as its Manager says",
        {
          count: hashes.length,
        },
      );
      return hashes;
    });
  }

  #authoritiesNow(): readonly Authority[] {
    return (this.#told?.authorities ?? [this.#options.joined]).map((der) => ({
      certPem: encodePem("CERTIFICATE", der),
      hash: certifiedKeyHash(der),
    }));
  }
}
