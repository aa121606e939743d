import {
  base64url,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from "jose";
import { encodeBase64Url } from "@std/encoding/base64url";

/** URL of the CI in its tokens. */
export const CI_URL = "https://token.actions.githubusercontent.com";

/** Key of a token. */
type Key = CryptoKey | Uint8Array;

/** CI that gives tokens to its jobs, as GitHub does. */
export class FakeCi {
  readonly #keys: CryptoKeyPair;
  /** Key that is not among those of the CI. */
  readonly #other: CryptoKeyPair;
  readonly #audience: string;
  readonly #now: () => number;
  readonly #url: string;
  #tokens = 0;

  private constructor(
    [keys, other]: readonly [CryptoKeyPair, CryptoKeyPair],
    { audience, now, url }: {
      readonly audience: string;
      readonly now: () => number;
      readonly url: string;
    },
  ) {
    this.#keys = keys;
    this.#other = other;
    this.#audience = audience;
    this.#now = now;
    this.#url = url;
  }

  static async start(
    options: {
      readonly audience: string;
      /** Time in milliseconds since 1970. */
      readonly now: () => number;
      readonly url?: string;
    },
  ): Promise<FakeCi> {
    return new FakeCi(await keyPairs(), { url: CI_URL, ...options });
  }

  /** Public keys, a JSON Web Key Set. */
  async jwks(kid = "key-1"): Promise<string> {
    const jwk = await exportJWK(this.#keys.publicKey);
    return JSON.stringify({
      keys: [{ ...jwk, kid, alg: "RS256", use: "sig" }],
    });
  }

  /** Claims of the next job: of repository 1 of owner 2, on its main branch. */
  claims(): JWTPayload {
    this.#tokens++;
    const now = Math.floor(this.#now() / 1_000);
    return {
      iss: this.#url,
      aud: this.#audience,
      iat: now,
      nbf: now - 5,
      exp: now + 300,
      jti: `token-${this.#tokens}`,
      sub: "repo:octo/site:environment:production",
      repository: "octo/site",
      repository_id: "1",
      repository_owner: "octo",
      repository_owner_id: "2",
      environment: "production",
      ref: "refs/heads/main",
      run_id: "4711",
      run_number: "42",
      run_attempt: "1",
    };
  }

  /** Seconds since 1970. */
  seconds(): number {
    return Math.floor(this.#now() / 1_000);
  }

  /** Token with claims in place of the usual ones; undefined takes one away. */
  token(
    claims: Readonly<Record<string, unknown>> = {},
    { header = {}, key = this.#keys.privateKey }: {
      readonly header?: Partial<JWTHeaderParameters>;
      readonly key?: Key;
    } = {},
  ): Promise<string> {
    return new SignJWT({ ...this.claims(), ...claims })
      .setProtectedHeader({ alg: "RS256", kid: "key-1", typ: "JWT", ...header })
      .sign(key);
  }

  /** Token that nobody has signed. */
  unsigned(): string {
    const part = (value: unknown) => encodeBase64Url(JSON.stringify(value));
    return `${part({ alg: "none", typ: "JWT" })}.${part(this.claims())}.`;
  }

  /** Token whose "secret" is the public key, which everybody knows: in the form in which keys are told, or as text. */
  async confused(form: "pem" | "jwk"): Promise<string> {
    const text = form === "pem"
      ? await exportSPKI(this.#keys.publicKey)
      : await this.jwks();
    return await this.token({}, {
      header: { alg: "HS256" },
      key: new TextEncoder().encode(text),
    });
  }

  /** Token with the name of the CI's key, signed by another one. */
  forged(): Promise<string> {
    return this.token({}, { key: this.#other.privateKey });
  }

  /** Token whose claims were changed after it was signed. */
  async altered(claims: Readonly<Record<string, unknown>>): Promise<string> {
    const [header, payload = "", signature] = (await this.token()).split(".");
    const text = new TextDecoder().decode(base64url.decode(payload));
    const changed = { ...JSON.parse(text), ...claims };
    return [header, encodeBase64Url(JSON.stringify(changed)), signature]
      .join(".");
  }
}

let made: Promise<[CryptoKeyPair, CryptoKeyPair]> | undefined;

/** Two pairs of keys, made once for a test file, as that takes long. */
function keyPairs(): Promise<[CryptoKeyPair, CryptoKeyPair]> {
  const pair = () => generateKeyPair("RS256", { extractable: true });
  return made ??= Promise.all([pair(), pair()]);
}
