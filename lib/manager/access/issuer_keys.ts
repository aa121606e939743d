import type {
  CompactJWSHeaderParameters,
  FlattenedJWSInput,
  JSONWebKeySet,
  JWK,
} from "jose";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import type { IssuerRecord } from "../../store/issuer_records.ts";

/** Fetches a text from an https URL, with limits. A private authority is PEM. */
export type FetchText = (url: string, ca: string | null) => Promise<string>;

/** Age up to which fetched keys are used, in milliseconds. */
const CACHE_MS = 600_000;

/** Least time between two times that keys are fetched, in milliseconds: tokens with made-up keys cost no more. */
const COOL_DOWN_MS = 30_000;

/** Most keys of an issuer. */
const MAX_KEYS = 100;

/** Kinds of keys with a public part. */
const PUBLIC_KINDS = ["RSA", "EC", "OKP"];

/** Finds the key of a token. */
type KeySet = (
  header: CompactJWSHeaderParameters,
  token: FlattenedJWSInput,
) => Promise<CryptoKey>;

/** Keys of an issuer: those that were given, or else those that it publishes. */
export class IssuerKeys {
  readonly #issuer: Pick<IssuerRecord, "url" | "jwks" | "ca">;
  readonly #clock: Clock;
  readonly #fetchText: FetchText;
  #kept: { readonly keys: KeySet; readonly at: number } | undefined;
  #fetching: Promise<KeySet> | undefined;
  #triedAt = -Infinity;
  #claims: readonly string[] = [];

  constructor(
    issuer: Pick<IssuerRecord, "url" | "jwks" | "ca">,
    { clock, fetchText }: { clock: Clock; fetchText: FetchText },
  ) {
    this.#issuer = issuer;
    this.#clock = clock;
    this.#fetchText = fetchText;
  }

  /**
   * Gets the keys, so that a mistake shows before they are needed.
   *
   * @throws {PiriError} INVALID_ARGUMENT, UNAVAILABLE
   */
  async load(): Promise<void> {
    await this.#current();
  }

  /** Claims that its tokens may have, as far as it has told when its keys were fetched. */
  get claims(): readonly string[] {
    return this.#claims;
  }

  /**
   * Key of a token. One that is not known is looked for among keys that are fetched anew.
   *
   * @throws {PiriError} UNAVAILABLE if keys cannot be fetched; errors of jose
   */
  readonly find: KeySet = async (header, token) => {
    const { errors } = await import("jose");
    const keys = await this.#current();
    try {
      return await keys(header, token);
    } catch (error) {
      const isUnknown = error instanceof errors.JWKSNoMatchingKey;
      if (!isUnknown || !this.#mayFetch) throw error;
      return await (await this.#fetch())(header, token);
    }
  };

  get #mayFetch(): boolean {
    if (this.#issuer.jwks !== null) return false;
    return this.#fetching !== undefined ||
      this.#clock.monotonic() - this.#triedAt >= COOL_DOWN_MS;
  }

  async #current(): Promise<KeySet> {
    const { jwks } = this.#issuer;
    const kept = this.#kept;
    const age = this.#clock.monotonic() - (kept?.at ?? -Infinity);
    if (kept !== undefined && (jwks !== null || age < CACHE_MS)) {
      return kept.keys;
    }
    if (jwks !== null) return await this.#keep(jwks);
    if (this.#mayFetch) return await this.#fetch();
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot get the keys of "${this.#issuer.url}": it did not give them less than ${
        COOL_DOWN_MS / 1_000
      } s ago`,
    );
  }

  /** Fetches the keys, once for all who wait for them. */
  #fetch(): Promise<KeySet> {
    return this.#fetching ??= this.#fetchNow().finally(() => {
      this.#fetching = undefined;
    });
  }

  async #fetchNow(): Promise<KeySet> {
    this.#triedAt = this.#clock.monotonic();
    const { url, ca } = this.#issuer;
    const text = await this.#fetchText(configurationUrl(url), ca);
    const found = parsed(text, `the configuration of "${url}"`);
    if (found["issuer"] !== url) {
      throw new PiriError(
        "UNAVAILABLE",
        `Cannot get the keys of "${url}": its configuration is that of another issuer`,
      );
    }
    const claims: unknown = found["claims_supported"];
    this.#claims = Array.isArray(claims) ? claims.map(String) : [];
    const place = found["jwks_uri"];
    if (typeof place !== "string") {
      throw new PiriError(
        "UNAVAILABLE",
        `Cannot get the keys of "${url}": its configuration does not name them`,
      );
    }
    return await this.#keep(await this.#fetchText(place, ca));
  }

  async #keep(jwks: string): Promise<KeySet> {
    const { createLocalJWKSet } = await import("jose");
    const keys = createLocalJWKSet(publicKeys(jwks));
    this.#kept = { keys, at: this.#clock.monotonic() };
    return keys;
  }
}

/** Place of an issuer's configuration: OpenID Connect Discovery 1.0, section 4. */
function configurationUrl(url: string): string {
  return `${url.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

/**
 * Public keys in a JSON Web Key Set.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
function publicKeys(text: string): JSONWebKeySet {
  const { keys } = parsed(text, "the keys");
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) {
    throw unreadable("the keys", `"keys" is no list of at most ${MAX_KEYS}`);
  }
  const good = keys.filter(isPublic);
  if (good.some((key) => Object.hasOwn(key, "d"))) {
    throw unreadable("the keys", "one of them is a private key");
  }
  if (good.length > 0) return { keys: good };
  throw unreadable("the keys", "there is no public key");
}

function isPublic(key: unknown): key is JWK {
  return typeof key === "object" && key !== null && "kty" in key &&
    PUBLIC_KINDS.includes(String(key.kty));
}

function parsed(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Reported below, with all else that is no object.
  }
  if (typeof value === "object" && value !== null) {
    return value as Record<string, unknown>;
  }
  throw unreadable(what, "it is no JSON object");
}

function unreadable(what: string, fact: string): PiriError {
  return new PiriError("INVALID_ARGUMENT", `Cannot read ${what}: ${fact}`);
}
