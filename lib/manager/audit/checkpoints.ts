import {
  type Checkpoint,
  isCheckpointSigned,
  signCheckpoint,
} from "../../base/checkpoint.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { sameHash } from "../../base/secret.ts";
import type { SigningKey } from "../../base/signing_key.ts";
import { Turns } from "../../base/turns.ts";
import type { AuditState } from "../../store/audit_records.ts";
import type { Store } from "../../store/store.ts";

const log = logger("manager", "audit");

/** Time between two looks for new entries, in milliseconds. */
const LOOK_MS = 60_000;

/** Longest time for which new entries have no checkpoint, in milliseconds. */
const MAX_AGE_MS = 3_600_000;

/** Number of new entries that get a checkpoint at the next look, whatever the age of the last one. */
const MAX_ENTRIES = 1_000n;

/** Parts that checkpoints need. */
export interface CheckpointsOptions {
  readonly store: Pick<
    Store,
    "managerId" | "auditState" | "auditHashes" | "addCheckpoint"
  >;
  readonly clock: Clock;
  /** Key that signs now; undefined for a Manager without one, which makes no checkpoints. */
  readonly key: () => SigningKey | undefined;
}

/** Makes checkpoints of the audit, and knows the newest one. */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  readonly #turns = new Turns();
  #newest: Checkpoint | undefined;
  #timer: Timer | undefined;
  #isClosed = false;
  /** True if the log tells already that the audit is not what was signed before. */
  #isTold = false;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** Newest checkpoint by the key of now, once it is on the disk: agents are its witnesses. */
  get newest(): Checkpoint | undefined {
    const key = this.#options.key();
    const newest = this.#newest;
    return key !== undefined && newest !== undefined &&
        sameHash(newest.key, key.publicKey)
      ? newest
      : undefined;
  }

  /** Reads the newest checkpoint, makes another one if it is due, and looks for new entries from now on. */
  async load(): Promise<void> {
    if (this.#options.key() === undefined) return;
    await this.#look(isDue);
    this.#lookLater();
  }

  /** Makes a checkpoint of entries that have none. Later calls do nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    if (this.#options.key() !== undefined) await this.#look(hasNew);
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.timer(LOOK_MS, () => {
      void this.#look(isDue).then(() => this.#lookLater());
    });
  }

  /** Never rejects: the next look tries again. */
  #look(isWanted: typeof isDue): Promise<void> {
    return this.#turns.run(async () => {
      try {
        await this.#sign(isWanted);
      } catch (error) {
        log.warning("Cannot make a checkpoint of the audit: {error}", {
          error: messageOf(error),
        });
      }
    });
  }

  async #sign(isWanted: typeof isDue): Promise<void> {
    const { store, clock } = this.#options;
    const key = this.#options.key();
    if (key === undefined) return;
    const state = await store.auditState();
    this.#newest = this.#trusted(state);
    const at = clock.now();
    const { publicKey } = key;
    if (!isWanted({ ...state, checkpoint: this.#newest }, { at, publicKey })) {
      return;
    }
    if (!await this.#continues(state)) return;
    const checkpoint = signCheckpoint(
      { count: state.end.id, hash: state.end.hash, at },
      { kind: "checkpoint", managerId: store.managerId, key },
    );
    await store.addCheckpoint(checkpoint);
    this.#newest = checkpoint;
  }

  /** True if the audit has the newest checkpoint in it. Nothing is signed that contradicts what was signed before. */
  async #continues({ stub, end }: AuditState): Promise<boolean> {
    const newest = this.#newest;
    if (newest === undefined) return true;
    const [found = null] = newest.count === stub?.count
      ? [stub.hash]
      : await this.#options.store.auditHashes([newest.count]);
    const isSame = newest.count <= end.id && found !== null &&
      sameHash(found, newest.hash);
    if (!isSame && !this.#isTold) {
      log.error(
        'The audit is not the one that was signed at {time}, and no checkpoint is made: see "piri-manager audit verify"',
        { time: new Date(newest.at).toISOString() },
      );
    }
    this.#isTold = !isSame;
    return isSame;
  }

  /** The newest checkpoint of the database, unless somebody else has written it. */
  #trusted({ checkpoint }: AuditState): Checkpoint | undefined {
    const { managerId } = this.#options.store;
    if (checkpoint === undefined) return undefined;
    if (isCheckpointSigned(checkpoint, { kind: "checkpoint", managerId })) {
      return checkpoint;
    }
    log.error(
      'The newest checkpoint of the audit is not signed as it should be: see "piri-manager audit verify"',
    );
    return undefined;
  }
}

/** Time, and the public key that signs. */
interface Now {
  readonly at: number;
  readonly publicKey: Uint8Array;
}

/** True if there are entries that no checkpoint of this key covers. */
function hasNew({ end, checkpoint }: AuditState, { publicKey }: Now): boolean {
  if (end.id === 0n) return false;
  return checkpoint === undefined || !sameHash(checkpoint.key, publicKey) ||
    checkpoint.count !== end.id;
}

function isDue(state: AuditState, now: Now): boolean {
  const { end, checkpoint } = state;
  if (!hasNew(state, now)) return false;
  return checkpoint === undefined || !sameHash(checkpoint.key, now.publicKey) ||
    end.id - checkpoint.count >= MAX_ENTRIES ||
    // The clock may have been set back.
    Math.abs(now.at - checkpoint.at) >= MAX_AGE_MS;
}
