import type { Clock } from "./base/clock.ts";
import type { Random } from "./base/random.ts";
import { certifiedKeyHash, SigningKey } from "./base/signing_key.ts";
import type { ManagerProof } from "./manager/admission/challenge.ts";
import type {
  KeptAuthority,
  RotatingKeys,
} from "./manager/keys/rotating_keys.ts";
import { PiriError } from "./base/errors.ts";
import { checkGivenAuthority } from "./manager/state/given_authority.ts";
import { checkGivenCertificate } from "./manager/state/given_certificate.ts";
import { KeyRing } from "./manager/state/key_ring.ts";
import type { ServerIdentity } from "./manager/state/server_identity.ts";
import type { ManagerState } from "./manager/state/state_folder.ts";

/** Authority of a Manager. */
type Authority = Pick<KeptAuthority, "certificate" | "hash">;

/** Server's identity, and how to show another one to newcomers. */
export interface ShownIdentity {
  readonly identity: ServerIdentity;
  /** Names that its certificate should have. */
  readonly names: readonly string[];
  show(identity: ServerIdentity): Promise<void>;
}

/** Keys by which a Manager is known, as they are now. They can be rotated if they are in a folder. */
export class ManagerKeys {
  readonly #ring: KeyRing | undefined;
  readonly #authority: Authority;
  readonly #key: SigningKey | undefined;
  readonly #serverName: string;
  readonly #clock: Clock;

  /** @throws {PiriError} CORRUPT, DENIED, DISK */
  static async open(
    state: ManagerState,
    options: { readonly clock: Clock; readonly random: Random },
  ): Promise<ManagerKeys> {
    const isInFolder = state.authority === undefined &&
      state.managerKeyPem !== undefined;
    return new ManagerKeys(
      state,
      isInFolder ? await KeyRing.open(state.paths, options) : undefined,
      options.clock,
    );
  }

  private constructor(
    { caCertificate: certificate, managerKeyPem, server }: ManagerState,
    ring: KeyRing | undefined,
    clock: Clock,
  ) {
    this.#ring = ring;
    this.#clock = clock;
    this.#authority = { certificate, hash: certifiedKeyHash(certificate) };
    this.#key = managerKeyPem === undefined
      ? undefined
      : new SigningKey(managerKeyPem);
    this.#serverName = server.name;
  }

  /** The authority in use. */
  get authority(): Authority {
    return this.#ring?.authority ?? this.#authority;
  }

  /** The Manager's proof, whose key and authority are always those in use; undefined for a Manager without a key. */
  get proof(): ManagerProof | undefined {
    const known = this.#key;
    if (known === undefined) return undefined;
    const ring = this.#ring;
    const authority = () => this.authority.hash;
    return {
      get key() {
        return ring?.managerKey ?? known;
      },
      get authority() {
        return authority();
      },
      serverName: this.#serverName,
    };
  }

  /** The keys, to rotate them; undefined if they are in no folder. */
  rotating(shown: () => ShownIdentity): RotatingKeys | undefined {
    const ring = this.#ring;
    return ring && {
      get authority() {
        return ring.authority;
      },
      get nextAuthority() {
        return ring.nextAuthority;
      },
      get managerKey() {
        return ring.managerKey;
      },
      get nextManagerKey() {
        return ring.nextManagerKey;
      },
      get number() {
        return ring.number;
      },
      startAuthority: async (given, accepted) => {
        const certPem = given === undefined
          ? undefined
          : checkGivenAuthority(given, {
            now: this.#clock.now(),
            inUse: ring.authority.hash,
          });
        await accepted();
        await ring.startAuthority(certPem);
      },
      startManagerKey: () => ring.startManagerKey(),
      finishAuthority: async (certPem, accepted) => {
        const { identity: server, names } = shown();
        const given = await givenByNext(ring, certPem, {
          server,
          names,
          now: this.#clock.now(),
        });
        await accepted();
        await shown().show(await ring.finishAuthority(server, given));
      },
      finishManagerKey: () => ring.finishManagerKey(),
      hasAuthorityKey: () => ring.hasAuthorityKey(),
      hasNextAuthorityKey: () => ring.hasNextAuthorityKey(),
      certificate: async () => {
        const { identity: { certPem }, names } = shown();
        return {
          certPem,
          authorityPem: await ring.authorityPem(),
          nextAuthorityPem: await ring.nextAuthorityPem(),
          names,
        };
      },
      replaceCertificate: async (certPem, accepted) => {
        const { identity: server, names } = shown();
        const authorityPem = await ring.authorityPem();
        const now = this.#clock.now();
        const given = checkGivenCertificate(certPem, {
          server,
          authorityPem,
          names,
          now,
        });
        await accepted();
        await ring.keepCertificate(given.certPem);
        await shown().show(given);
        return given.expiresAt;
      },
    };
  }
}

/**
 * The server's identity by the next authority that was issued elsewhere; undefined if the Manager can issue it itself.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it can not, and none is given; INVALID_ARGUMENT for one that does not fit
 */
async function givenByNext(
  ring: KeyRing,
  given: string | undefined,
  { server, names, now }: {
    readonly server: ServerIdentity;
    readonly names: readonly string[];
    readonly now: number;
  },
): Promise<ServerIdentity | undefined> {
  const authorityPem = await ring.nextAuthorityPem();
  if (given !== undefined && authorityPem !== undefined) {
    const which = "the next authority";
    return checkGivenCertificate(given, {
      server,
      authorityPem,
      names,
      now,
      which,
    });
  }
  if (await ring.hasNextAuthorityKey()) return undefined;
  throw new PiriError(
    "FAILED_PRECONDITION",
    "Cannot finish the rotation of the authority: the key of the next one is kept elsewhere; run piri-manager ca rotate --finish --ca-key FILE",
  );
}
