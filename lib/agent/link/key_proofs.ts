import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import {
  fingerprint,
  newSigningKey,
  SigningKey,
} from "../../base/signing_key.ts";
import { Turns } from "../../base/turns.ts";
import { NONCE_BYTES } from "../../wire/proof.ts";
import type { Journal } from "../journal/journal.ts";
import type { AgentTrust } from "./agent_trust.ts";
import { type AgentKey, KeyProof } from "./key_proof.ts";

const log = logger("agent", "link");

/** Key that is to replace the agent's own. */
interface NextKey {
  readonly key: SigningKey;
  readonly pem: string;
  /** Command that made it: the Manager knows the key once it has the result of that. */
  readonly commandId: bigint;
}

/**
 * Keys of an agent, and its proofs over all its connections.
 *
 * A new key is on the disk before the Manager hears of it, and the old one stays until the Manager has admitted the new
 * one. If the Manager refuses one of the two, the next dial is by the other: so neither side can forget anything at a
 * moment from which the agent does not come back.
 */
export class KeyProofs {
  readonly #options: AgentKey;
  readonly #random: Random;
  readonly #journal: Pick<Journal, "entries">;
  readonly #turns = new Turns();
  #key: SigningKey;
  #next: NextKey | undefined;
  /** True if the Manager has refused the next key, and not yet the other one after it. */
  #isNextRefused = false;
  /** Key in use that is not in its file yet, because that could not be written. */
  #unwritten: string | undefined;
  #pinned: Uint8Array | undefined;

  constructor(
    options: AgentKey,
    random: Random,
    journal: Pick<Journal, "entries">,
  ) {
    this.#options = options;
    this.#random = random;
    this.#journal = journal;
    this.#key = options.key;
    this.#pinned = options.pinned;
    const { next } = options;
    this.#next = next && { ...next, key: new SigningKey(next.pem) };
  }

  /** Keys of others that this agent trusts; undefined if it only knows what is pinned. */
  get trust(): AgentTrust | undefined {
    return this.#options.trust;
  }

  /** Forgets a next key of which the Manager cannot hear any more: the agent died before the result was written. */
  async settle(): Promise<void> {
    const next = this.#next;
    if (next === undefined) return;
    const entry = this.#entryOf(next);
    if (entry !== undefined && entry.state !== "finished") {
      await this.#forgetNext();
    }
  }

  /**
   * Makes the next key, in place of one that is not in use yet. Returns its public key.
   *
   * @throws {PiriError} DISK: nothing has changed
   */
  rotate(commandId: bigint): Promise<Uint8Array> {
    return this.#turns.run(async () => {
      // The old key is refused by now: it must not be all that a crash leaves.
      if (this.#unwritten !== undefined) await this.#write(this.#unwritten);
      const pem = newSigningKey(this.#random);
      const next = { key: new SigningKey(pem), pem, commandId };
      await this.#options.keepNext({ pem, commandId });
      this.#next = next;
      this.#isNextRefused = false;
      return next.key.publicKey;
    });
  }

  /** True if the Manager has just acknowledged a command that made the next key: it is time to dial by that. */
  isMadeBy(commandId: bigint): boolean {
    return this.#next?.commandId === commandId && !this.#isNextRefused;
  }

  /** Begins the proof of one connection. */
  begin(): KeyProof {
    const next = this.#usable();
    const [pinned = this.#pinned, ...alsoTrusted] = this.trust?.managerKeys ??
      [];
    return new KeyProof({
      ...this.#options,
      key: next?.key ?? this.#key,
      helloNonce: this.#random.bytes(NONCE_BYTES),
      pinned,
      alsoTrusted,
      pin: (key) => this.#pin(new Uint8Array(key)),
      admitted: () => this.#admitted(next),
    });
  }

  /** Notes that the Manager has refused the proof of a connection. */
  refused({ publicKey }: Pick<KeyProof, "publicKey">): void {
    if (this.#next === undefined) return;
    this.#isNextRefused = publicKey === this.#next.key.publicKey;
  }

  /** The next key, if the Manager can know it: the journal has forgotten the command that made it. */
  #usable(): NextKey | undefined {
    const next = this.#next;
    return next === undefined || this.#isNextRefused ||
        this.#entryOf(next) !== undefined
      ? undefined
      : next;
  }

  #entryOf({ commandId }: NextKey) {
    return this.#journal.entries().find(({ id }) => id === commandId);
  }

  #admitted(by: NextKey | undefined): Promise<void> | undefined {
    if (by !== undefined) return this.#turns.run(() => this.#adopt(by));
    return this.#isNextRefused
      ? this.#turns.run(() => this.#forgetNext())
      : undefined;
  }

  async #adopt({ key, pem }: NextKey): Promise<void> {
    this.#key = key;
    this.#next = undefined;
    this.#unwritten = pem;
    log.info("The new key {fingerprint} of this agent is in use", {
      fingerprint: fingerprint(key.publicKey),
    });
    try {
      await this.#write(pem);
    } catch (error) {
      // The file of the next key is there still, and the next start begins with it.
      log.warning("{error}", { error: messageOf(error) });
    }
  }

  async #write(pem: string): Promise<void> {
    await this.#options.adopt(pem);
    this.#unwritten = undefined;
  }

  async #forgetNext(): Promise<void> {
    try {
      await this.#options.keepNext(undefined);
    } catch (error) {
      log.warning("{error}", { error: messageOf(error) });
      return;
    }
    this.#next = undefined;
    this.#isNextRefused = false;
    log.warning(
      "The Manager does not know the new key of this agent: it goes on with the one before",
    );
  }

  async #pin(managerKey: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await this.#options.pin(managerKey);
    } catch (error) {
      // The secret goes on: a pin that a restart forgets would be trusted anew then.
      log.warning("{error}", { error: messageOf(error) });
      return;
    }
    this.#pinned = managerKey;
    this.trust?.pin(managerKey);
    log.info(
      "The Manager's key {fingerprint} is trusted from now on, and this agent proves its own instead of sending a secret",
      { fingerprint: fingerprint(managerKey) },
    );
  }
}
