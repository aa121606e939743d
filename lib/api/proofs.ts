import type { HandlerContext } from "@connectrpc/connect";
import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";
import { type Asker, LOCAL } from "../base/asker.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { credentialOf, identityIn } from "./caller.ts";
import { PROOF_HEADER, PROOF_MODE } from "./proof_files.ts";

/** Time for which the name of a proof is good, in milliseconds. */
const PROOF_MS = 30_000;

/** Most names that wait for their proofs. The oldest one is forgotten first. */
const MAX_PROOFS = 1_000;

/** Difference between the clocks of the system and of a file system, in milliseconds. */
const CLOCK_SLACK_MS = 1_000;

/** Longest user name that is shown, in characters. */
const MAX_NAME = 64;

/** Parts of the proofs. */
export interface ProofOptions {
  readonly random: Random;
  readonly clock: Clock;
  /** Name of a user by its number. */
  readonly userName: (uid: number) => Promise<string>;
  readonly log: Logger;
}

interface Given {
  /** Time by the monotonic clock. */
  readonly at: number;
  /** Time by the clock that files have. */
  readonly date: number;
  readonly sudoUser: string;
}

/**
 * Tells who asks. The system does not tell Deno the user at the other end of a socket. So the client makes a file with
 * a name that it was given, and the owner of the file is the user.
 */
export class Proofs {
  readonly #options: ProofOptions;
  readonly #given = new Map<string, Given>();
  #folder: string | undefined;

  constructor(options: ProofOptions) {
    this.#options = options;
  }

  /** Takes proofs in this folder from now on. Without one, as over TCP, there are none. */
  takeIn(folder: string): void {
    this.#folder = folder;
  }

  /** Makes a name for a proof; empty if there are none here. */
  async give(sudoUser: string): Promise<string> {
    const { random, clock } = this.#options;
    const folder = this.#folder;
    if (folder === undefined) return "";
    const now = clock.monotonic();
    for (const [name, { at }] of this.#given) {
      if (now - at <= PROOF_MS && this.#given.size < MAX_PROOFS) break;
      this.#given.delete(name);
      await remove(join(folder, name));
    }
    const name = encodeHex(random.bytes(16));
    this.#given.set(name, {
      at: now,
      date: clock.now(),
      sudoUser: cleaned(sudoUser),
    });
    return name;
  }

  /** Tells who asks: an operator by a token, or a user of this machine by a proof. A proof that is not taken is as good as none. */
  async asker(
    { requestHeader, values }: Pick<HandlerContext, "requestHeader" | "values">,
    saidBy: string,
  ): Promise<Asker> {
    const identity = identityIn(values);
    if (identity !== undefined) {
      return {
        requestedBy: identity.name,
        saidBy,
        credential: credentialOf(identity),
        origin: identity.from,
      };
    }
    const name = requestHeader.get(PROOF_HEADER);
    const requestedBy = name === null ? LOCAL : await this.#user(name);
    return { requestedBy, saidBy };
  }

  async #user(name: string): Promise<string> {
    const { clock, userName, log } = this.#options;
    const folder = this.#folder;
    // Before the first await: a name is good for one request.
    const given = this.#given.get(name);
    this.#given.delete(name);
    if (folder === undefined || given === undefined) return LOCAL;
    const path = join(folder, name);
    try {
      const file = await Deno.lstat(path);
      const wrong = clock.monotonic() - given.at > PROOF_MS
        ? "it comes too late"
        : complaintAbout(file, given.date);
      if (wrong !== undefined || file.uid === null) {
        log.warning("Cannot tell by its proof who asks: {why}", {
          why: wrong ?? "the system tells no owner",
        });
        return LOCAL;
      }
      const user = await userName(file.uid);
      // A user may have the name that stands for nobody.
      const shown = user === LOCAL ? `uid ${file.uid}` : user;
      return given.sudoUser === "" || given.sudoUser === user
        ? shown
        : `${shown} (sudo: ${given.sudoUser})`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        log.warning("Cannot tell by its proof who asks: {why}", {
          why: String(error),
        });
      }
      return LOCAL;
    } finally {
      await remove(path);
    }
  }
}

/** Tells why a file proves nothing about who made it for us. */
function complaintAbout(
  file: Deno.FileInfo,
  given: number,
): string | undefined {
  // A link may point to a file of somebody else.
  if (!file.isFile || file.isSymlink) return "it is not a file";
  if (file.nlink !== 1) return "the file has another name, too";
  // A file of somebody else that was moved here is older, or not like this.
  const born = (file.birthtime ?? file.mtime)?.getTime() ?? 0;
  const changed = file.mtime?.getTime() ?? 0;
  if (Math.min(born, changed) < given - CLOCK_SLACK_MS) {
    return "the file is older than its name";
  }
  if (file.size !== 0) return "the file is not empty";
  return ((file.mode ?? 0) & 0o7777) === PROOF_MODE
    ? undefined
    : "the file has another mode";
}

/** Text of a client as a part of "root (sudo: anna)": nothing in it can end the bracket. */
function cleaned(user: string): string {
  return user.slice(0, MAX_NAME).replaceAll(/[^\p{L}\p{N}._@\\$ -]/gu, "?");
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch {
    // It was never made, or its maker has removed it.
  }
}
