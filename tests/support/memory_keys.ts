import { PiriError } from "../../lib/base/errors.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { decodePem } from "../../lib/base/pem.ts";
import {
  certifiedKeyHash,
  type SigningKey,
} from "../../lib/base/signing_key.ts";
import type { RotatingKeys } from "../../lib/manager/keys/rotating_keys.ts";
import { createAuthority } from "../../lib/manager/state/authority.ts";
import { testKey } from "./keys.ts";

const issue = { now: Date.now(), random: systemRandom };
const authorities = await Promise.all(
  [1, 2].map(async () => {
    const { certPem } = await createAuthority(issue);
    const certificate = decodePem("CERTIFICATE", certPem);
    return {
      certificate,
      hash: certifiedKeyHash(certificate),
      expiresAt: 9e12,
    };
  }),
);

/** Keys of a Manager in memory. */
export class MemoryKeys implements RotatingKeys {
  /** The authority before all rotations. */
  readonly first: RotatingKeys["authority"] = authorityAt(0);
  authority: RotatingKeys["authority"] = this.first;
  nextAuthority: RotatingKeys["nextAuthority"];
  managerKey: SigningKey = testKey(1);
  nextManagerKey: SigningKey | undefined;
  number = 0;

  async startAuthority(
    _given?: string,
    accepted: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    await accepted();
    this.nextAuthority = authorityAt(1);
    await this.#changed();
  }

  startManagerKey(): Promise<void> {
    this.nextManagerKey = testKey(8);
    return this.#changed();
  }

  async finishAuthority(
    _given?: string,
    accepted: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    await accepted();
    this.authority = this.nextAuthority ?? this.authority;
    this.nextAuthority = undefined;
    await this.#changed();
  }

  finishManagerKey(): Promise<void> {
    this.managerKey = this.nextManagerKey ?? this.managerKey;
    this.nextManagerKey = undefined;
    return this.#changed();
  }

  hasAuthorityKey(): Promise<boolean> {
    return Promise.resolve(true);
  }

  hasNextAuthorityKey(): Promise<boolean> {
    return Promise.resolve(this.nextAuthority !== undefined);
  }

  certificate(): ReturnType<RotatingKeys["certificate"]> {
    return Promise.reject(new TypeError("no certificate is in memory"));
  }

  /** Takes the certificate "good", and no other. */
  async replaceCertificate(
    certPem: string,
    accepted: () => Promise<void>,
  ): Promise<number> {
    if (certPem !== "good") {
      throw new PiriError("INVALID_ARGUMENT", "Cannot take the certificate");
    }
    await accepted();
    return 9_000;
  }

  #changed(): Promise<void> {
    this.number++;
    return Promise.resolve();
  }
}

function authorityAt(index: number): RotatingKeys["authority"] {
  const authority = authorities[index];
  if (authority === undefined) throw new Error("there are two");
  return authority;
}
