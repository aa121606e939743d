import type { Address } from "./base/address.ts";
import type { Clock } from "./base/clock.ts";
import { codeOf, messageOf } from "./base/errors.ts";
import { logger } from "./base/log.ts";
import type { LogOptions } from "./base/log_options.ts";
import {
  makePassingFolder,
  type PassingFolder,
} from "./base/passing_folder.ts";
import type { Random } from "./base/random.ts";
import { importManager } from "./exported_manager.ts";
import { serveManager, serveState } from "./serve_manager.ts";
import { statePaths } from "./manager/state/state_paths.ts";
import { isLocked } from "./store/lock.ts";
import { openStoreClient } from "./store/store_client.ts";

const log = logger("manager");

/** State, address, time and randomness of a Manager that is there for a minute. */
export interface ServeBrieflyOptions {
  /** State folder, or a state text, which is kept in memory. */
  readonly from: { readonly dir: string } | { readonly text: string };
  /** Address for agents instead of the one in the state. */
  readonly listen?: Address | undefined;
  /** Thread for the database that was started before. */
  readonly storeWorker?: Worker | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly startLog?: (configured: LogOptions) => Promise<void>;
  /** Folder for the folder of the control API, if the state is a text. */
  readonly place: string;
}

/** Manager that is there for a minute. */
export interface BriefManager {
  /** State folder in which clients find it. */
  readonly dir: string;
  /** Address for agents; undefined if the Manager of another process is used, which runs already. */
  readonly listen: string | undefined;
  /** Remarks for the user. */
  readonly notes: readonly string[];
  /**
   * Stops the Manager, unless it is another process's, and removes the folder of a state text.
   *
   * @throws {PiriError} DISK, DENIED if something cannot be removed
   */
  stop(): Promise<void>;
}

/**
 * Starts a Manager in this process, or finds the one that runs on the state folder already.
 *
 * @throws {PiriError} as `serveManager`; INVALID_ARGUMENT for a state text that cannot be read. Nothing is left then.
 */
export async function serveBriefly(
  options: ServeBrieflyOptions,
): Promise<BriefManager> {
  const { from } = options;
  return "dir" in from
    ? await serveFolder(from.dir, options)
    : await serveText(from.text, options);
}

async function serveFolder(
  dir: string,
  options: ServeBrieflyOptions,
): Promise<BriefManager> {
  try {
    const manager = await serveManager({ ...options, dir, brief: true });
    return {
      dir,
      listen: manager.listen,
      notes: [],
      stop: () => manager.stop(),
    };
  } catch (error) {
    const isServed = codeOf(error) === "FAILED_PRECONDITION" &&
      await isLocked(statePaths(dir).database);
    if (!isServed) throw error;
    return {
      dir,
      listen: undefined,
      notes: [
        `a Manager already runs on "${dir}": it is used` +
        (options.listen === undefined ? "" : ", and --listen has no effect"),
      ],
      stop: () => Promise.resolve(),
    };
  }
}

async function serveText(
  text: string,
  options: ServeBrieflyOptions,
): Promise<BriefManager> {
  const folder = await makePassingFolder(options.place, options.random);
  const removal = new Removal(folder);
  try {
    const { path: dir } = folder;
    const { state, identity } = await importManager(text, dir);
    await options.startLog?.(state.config.log);
    const store = await openStoreClient(state.paths.database, {
      worker: options.storeWorker,
      identity,
    });
    const manager = await serveState(state, store, {
      ...options,
      dir,
      brief: true,
      hasHistory: false,
    });
    return {
      dir,
      listen: manager.listen,
      notes: [],
      stop: async () => {
        try {
          await manager.stop();
        } finally {
          removal.now();
        }
      },
    };
  } catch (error) {
    removal.now();
    throw error;
  }
}

/** Removal of a folder: at the end of the work, or of the program if that comes first. */
class Removal {
  readonly #folder: PassingFolder;
  readonly #atExit = () => this.#tryNow();

  constructor(folder: PassingFolder) {
    this.#folder = folder;
    addEventListener("unload", this.#atExit);
  }

  /** @throws {PiriError} DISK, DENIED */
  now(): void {
    removeEventListener("unload", this.#atExit);
    this.#folder.remove();
  }

  #tryNow(): void {
    try {
      this.#folder.remove();
    } catch (error) {
      log.error("{error}", { error: messageOf(error) });
    }
  }
}
