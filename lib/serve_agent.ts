import {
  type AgentConfig,
  finishJoin,
  type JoinConfig,
  loadAgentConfig,
  prepareJoin,
  readJoined,
} from "./agent/config.ts";
import { WaitsForApproval } from "./agent/core.ts";
import { openAgentKey } from "./agent/key_files.ts";
import { RunningSettings } from "./agent/running_settings.ts";
import { RemovedNote } from "./agent/removed_note.ts";
import { sleep } from "./base/clock.ts";
import { codeOf, PiriError } from "./base/errors.ts";
import { logger } from "./base/log.ts";
import type { Reload } from "./base/reload.ts";
import { fingerprint } from "./base/signing_key.ts";
import { setResourceLimits } from "./operations/resource_limits.ts";
import { becomeSubreaper } from "./operations/subreaper.ts";
import { findPolicy, openAgent, type ServeAgentOptions } from "./open_agent.ts";

const log = logger("agent");

export type { ServeAgentOptions } from "./open_agent.ts";

/** Running Agent. */
export interface RunningAgent extends AsyncDisposable {
  /** Name of the agent. */
  readonly name: string;
  /**
   * Reads policy.yaml and agent.yaml again. What can be changed while the agent runs holds from then on, and no
   * connection ends. A policy with a mistake allows nothing.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a mistake in agent.yaml, FAILED_PRECONDITION, DENIED, DISK: the old settings
   * stay
   */
  reload(): Promise<Reload>;
  /**
   * Restarts the agent by `onRestart` as soon as no command runs.
   *
   * @throws {PiriError} FAILED_PRECONDITION if nobody would start it again
   */
  restartWhenIdle(cause: string): void;
  /** Stops the agent: refuses new commands, ends running ones, delivers what it can within 5 s, and says Bye. */
  stop(): Promise<void>;
}

/**
 * Starts the Agent of a state folder. It keeps dialling its Manager until it is stopped.
 *
 * @param options Folder, time and randomness.
 * @returns The running Agent, before it is connected. Disposing stops it.
 * @throws {PiriError} FAILED_PRECONDITION if the host has not joined or another agent runs on the folder; DENIED if
 * others may read its secret; CORRUPT, DISK
 */
export async function serveAgent(
  options: ServeAgentOptions,
): Promise<RunningAgent> {
  const config = await loadAgentConfig(options.dir);
  await options.startLog?.(config.log);
  if (
    Deno.build.os === "linux" && options.edition !== "observe" &&
    !becomeSubreaper(options.clock)
  ) {
    log.warning(
      "Processes that leave their command's group cannot all be found: this program may not become a subreaper",
    );
  }
  if (options.ownsProcess) takeProcess(config);
  const settings = new RunningSettings(config, options);
  const owned = await openAgent(config, options, settings);
  try {
    await owned.audit.prepare();
    await owned.core.start();
  } catch (error) {
    await owned[Symbol.asyncDispose]();
    throw error;
  }
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= Promise.resolve(owned[Symbol.asyncDispose]());
  return {
    get name() {
      return settings.name;
    },
    reload: async () => {
      const isOther = await owned.core.usePolicy(await findPolicy(options.dir));
      const { changed, later } = await settings.reload();
      return { changed: isOther ? ["policy", ...changed] : changed, later };
    },
    restartWhenIdle: (cause) => owned.core.restartWhenIdle(cause),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Result of a join. */
export interface Joined {
  /** Name of the agent. */
  readonly name: string;
  /** Address of the Manager that was dialled, "host:port". */
  readonly address: string;
}

/** Folder, time and randomness of a join. */
export interface JoinOptions extends ServeAgentOptions {
  /** Name to join under, if the token is for many hosts; the host's own if absent. */
  readonly name?: string;
  /** True to give up the identity that the host has already. One that was removed is given up anyway. */
  readonly replace?: boolean;
  /** Told once if somebody has to accept the host: its key, as `SHA256:...`. Without it, the join fails then. */
  readonly waits?: (
    host: { name: string; fingerprint: string },
  ) => Promise<void>;
}

/**
 * Enrols this host: makes and keeps a secret, tells the Manager its hash, and says Bye. May be repeated with the same
 * token after any interruption.
 *
 * @param token The text that `piri-manager agent add` prints.
 * @param options Folder, time and randomness.
 * @returns The agent's name and the Manager's address.
 * @throws {PiriError} INVALID_ARGUMENT for an invalid token; AUTH_FAILED if the Manager does not take it; UNAVAILABLE;
 * DENIED; FAILED_PRECONDITION if the agent of this folder is running, or the host has joined by another token
 */
export async function joinManager(
  token: string,
  options: JoinOptions,
): Promise<Joined> {
  const { dir, random, name } = options;
  if (options.replace !== true) await requireNoOther(dir, token);
  const joining = await prepareJoin(dir, token, random, name);
  const { managerKey: _expected, ...config } = joining;
  const address = await enrolled(joining, options);
  await finishJoin(dir, config, random);
  return { name: config.name, address };
}

/** Refuses to give up an identity that may still be in use. */
async function requireNoOther(dir: string, token: string): Promise<void> {
  const joined = await readJoined(dir, token);
  if (joined === undefined || joined.isByToken) return;
  if (await new RemovedNote(dir).read() !== undefined) return;
  const { name, addresses: [address] } = joined.config;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot join: this host is already "${name}" of the Manager at ${address}; use --replace to give that up`,
  );
}

/** Time after which a host that waits dials again if the Manager is away, in milliseconds. */
const AWAY_MS = 10_000;

/** Says hello until the host is in, and returns the address. */
async function enrolled(
  config: JoinConfig,
  options: JoinOptions,
): Promise<string> {
  const { dir, clock, random, waits } = options;
  let isWaiting = false;
  for (;;) {
    try {
      await using owned = await openAgent(config, options);
      return await owned.core.enrol();
    } catch (error) {
      const isAway = isWaiting && codeOf(error) === "UNAVAILABLE";
      const isAsked = error instanceof WaitsForApproval;
      if (waits === undefined || !(isAsked || isAway)) throw error;
      if (!isWaiting) {
        const { key } = await openAgentKey(dir, config, random);
        const { name } = config;
        await waits({ name, fingerprint: fingerprint(key.publicKey) });
      }
      isWaiting = true;
      await sleep(clock, isAsked ? error.retryAfterMs : AWAY_MS);
    }
  }
}

/**
 * Says hello once as `run` would, and then Bye.
 *
 * @throws {PiriError} as `joinManager`
 */
export async function tryHello(options: ServeAgentOptions): Promise<string> {
  const config = await loadAgentConfig(options.dir, {
    anyOwnerForRoot: true,
  });
  await using owned = await openAgent(config, options);
  return await owned.core.enrol();
}

/**
 * Tells the Manager that this host leaves the fleet: its agent is retired there. Returns the agent's name.
 *
 * @throws {PiriError} as `joinManager`; UNSUPPORTED by an older Manager; FAILED_PRECONDITION if the agent runs
 */
export async function leaveFleet(options: ServeAgentOptions): Promise<string> {
  const config = await loadAgentConfig(options.dir, {
    anyOwnerForRoot: true,
  });
  await using owned = await openAgent(config, options);
  await owned.core.leaveFleet();
  return config.name;
}

/** Gives this process the umask and the limits of commands. The Agent makes its own files with explicit modes. */
function takeProcess({ commands: { limits, umask } }: AgentConfig): void {
  if (Deno.build.os !== "windows") Deno.umask(umask);
  const low = setResourceLimits(limits);
  if (low.length > 0) {
    log.warning(
      "Commands have lower limits than they should, because the agent may not raise them: {names}",
      { names: low.join(", ") },
    );
  }
}
