import { join } from "@std/path";
import {
  readCommandResult,
  writeCommandResult,
} from "../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  type AgentConfig,
  finishJoin,
  type JoinConfig,
  keepName,
  loadAgentConfig,
  prepareJoin,
  readJoined,
} from "./agent/config.ts";
import { AUDIT_FOLDER } from "./agent/audit/audit_files.ts";
import { AuditLog } from "./agent/audit/audit_log.ts";
import { AgentCore, WaitsForApproval } from "./agent/core.ts";
import { openJournal } from "./agent/journal/disk_journal.ts";
import { FactSource, helloFacts } from "./agent/fact_source.ts";
import { openAgentKey } from "./agent/key_files.ts";
import { machineId } from "./agent/machine_id.ts";
import { ownFilesOf } from "./agent/policy/own_files.ts";
import { type FoundPolicy, readPolicy } from "./agent/policy/policy.ts";
import { PolicyGate } from "./agent/policy/policy_gate.ts";
import { USED_FILE, UsedStatements } from "./agent/policy/used_statements.ts";
import { dialFirst } from "./agent/link/dial_first.ts";
import { shrunkResult } from "./agent/runner/result.ts";
import { RunningSettings } from "./agent/running_settings.ts";
import { RemovedNote } from "./agent/removed_note.ts";
import { MAX_RUNNING } from "./agent/runner/acceptance.ts";
import { Trial } from "./agent/update/trial.ts";
import { WITNESS_FILE, Witnesses } from "./agent/witness/witnesses.ts";
import { WorkerPool } from "./agent/workers/worker_pool.ts";
import { type Clock, sleep } from "./base/clock.ts";
import { Counters } from "./base/counters.ts";
import { codeOf, PiriError } from "./base/errors.ts";
import { openFileDisk } from "./base/file_disk.ts";
import { readPrivateIfThere, writeFileAtomically } from "./base/files.ts";
import { logger, type LogOptions } from "./base/log.ts";
import type { Random } from "./base/random.ts";
import type { Reload } from "./base/reload.ts";
import { fingerprint } from "./base/signing_key.ts";
import { bootId } from "./operations/process_table.ts";
import { setResourceLimits } from "./operations/resource_limits.ts";
import { becomeSubreaper } from "./operations/subreaper.ts";
import { readUmask } from "./operations/surroundings.ts";
import { endSurvivors } from "./operations/survivors.ts";
import { ownUpdate } from "./own_update.ts";
import { decode } from "./protobuf/protobuf_reader.ts";
import { encode } from "./protobuf/protobuf_writer.ts";

const log = logger("agent");

/** Folder, time and randomness of an Agent. */
export interface ServeAgentOptions {
  /** State folder, made by a join. */
  readonly dir: string;
  /** Source of time: `systemClock` but in tests. */
  readonly clock: Clock;
  /** Source of randomness: `systemRandom` but in tests. */
  readonly random: Random;
  /**
   * True if this process is the Agent's alone. Then its umask and its resource limits become those of commands. Else
   * they stay as they are, commands inherit the limits, and each costs a shell if the umask is another.
   */
  readonly ownsProcess?: boolean;
  /** Build of the program; the whole one by default. */
  readonly edition?: "full" | "observe";
  /** Starts the log with the options of agent.yaml. Called before anything is logged, and at each reload. */
  readonly startLog?: (configured: LogOptions) => Promise<void>;
  /** Told when there is a connection, and why there is none. */
  readonly onLink?: (
    state: { readonly connected: boolean; readonly detail: string },
  ) => void;
  /** Asked to end this process, so that another version of the agent starts. Without it, the agent cannot be updated. */
  readonly onUpdate?: (cause: string) => void;
  /** Told the cause once the agent is to be stopped and started again; absent if nobody would start it again. */
  readonly onRestart?: ((cause: string) => void) | undefined;
}

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
  const owned = await openCore(config, options, settings);
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
      await using owned = await openCore(config, options);
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
  const config = await loadAgentConfig(options.dir);
  await using owned = await openCore(config, options);
  return await owned.core.enrol();
}

/**
 * Tells the Manager that this host leaves the fleet: its agent is retired there. Returns the agent's name.
 *
 * @throws {PiriError} as `joinManager`; UNSUPPORTED by an older Manager; FAILED_PRECONDITION if the agent runs
 */
export async function leaveFleet(options: ServeAgentOptions): Promise<string> {
  const config = await loadAgentConfig(options.dir);
  await using owned = await openCore(config, options);
  await owned.core.leaveFleet();
  return config.name;
}

/** Folder of the facts of the host's own, in the state folder. */
const FACTS_FOLDER = "facts.d";
/** Folder in its state with what runs of steps owe. */
const STEPS_FOLDER = "steps";

/** Agent with its state folder, its threads and its sockets. */
interface OwnedCore extends AsyncDisposable {
  readonly core: AgentCore;
  readonly audit: AuditLog;
}

async function openCore(
  config: JoinConfig,
  {
    dir,
    clock,
    random,
    ownsProcess,
    edition = "full",
    onLink,
    onUpdate,
    onRestart,
  }: ServeAgentOptions,
  settings?: RunningSettings,
): Promise<OwnedCore> {
  const { commands } = config;
  const addresses = () => (settings ?? config).addresses;
  await using stack = new AsyncDisposableStack();
  const disk = stack.use(await openFileDisk(join(dir, "journal")));
  const boot = bootId();
  const journal = await openJournal({
    disk,
    random,
    machineId: await machineId(),
    ...boot === "" ? {} : { bootId: boot },
    shrinkResult: (bytes) =>
      encode(
        writeCommandResult,
        shrunkResult(decode(readCommandResult, bytes)),
      ),
  });
  const removed = new RemovedNote(dir);
  const counters = new Counters();
  const audit = stack.use(
    new AuditLog({
      open: () => openFileDisk(join(dir, AUDIT_FOLDER)),
      clock,
      counters,
    }),
  );
  const witnesses = join(dir, WITNESS_FILE);
  const surroundings = {
    path: commands.path,
    umask: commands.umask,
    environment: commands.environment,
    inheritedUmask: ownsProcess ? commands.umask : readUmask(),
    factsFolder: join(dir, FACTS_FOLDER),
    stepsFolder: join(dir, STEPS_FOLDER),
    ownRecords: { commands: join(dir, AUDIT_FOLDER), witnesses },
  };
  const usedFile = join(dir, USED_FILE);
  const used = new UsedStatements(clock, {
    read: () => readPrivateIfThere(usedFile),
    write: (text) => writeFileAtomically(usedFile, text, { random }),
  });
  await used.load();
  let { name } = config;
  const policy = new PolicyGate(await findPolicy(dir), {
    edition,
    name: () => name,
    used,
    own: ownFilesOf(dir),
    umask: commands.umask,
    allowTestOperations: config.allowTestOperations,
  });
  const facts = new FactSource(
    () => helloFacts({ ...config, surroundings }),
    clock,
  );
  const agentKey = await openAgentKey(dir, config, random);
  const { trust } = agentKey;
  const update = settings === undefined || onUpdate === undefined
    ? undefined
    : await ownUpdate({
      dir,
      clock,
      edition,
      isAllowed: () => settings.isUpdated,
      keys: () => settings.updateKeys,
      restart: onUpdate,
    });
  const core = new AgentCore({
    identity: {
      ...config,
      facts: () => facts.now(),
      agentKey,
    },
    journal,
    audit,
    policy,
    counters,
    workers: new WorkerPool({
      allowTestOperations: config.allowTestOperations,
      surroundings,
      most: MAX_RUNNING,
      clock,
    }),
    clock,
    random,
    dial: (signal) =>
      dialFirst(
        { ...config, addresses, authorities: () => trust.authorities, clock },
        signal,
      ),
    keepName: (given) => {
      name = given;
      settings?.renamed(given);
      return keepName(dir, given, random);
    },
    widestWindowMs: config.reconnectWindow,
    witness: new Witnesses({
      file: {
        read: () => readPrivateIfThere(witnesses),
        write: (text) => writeFileAtomically(witnesses, text, { random }),
      },
      clock,
      counters,
    }),
    noteRemoved: (isRemoved) =>
      isRemoved ? removed.write(clock.now()) : removed.clear(),
    endSurvivors: (processes, marker) => endSurvivors(processes, marker, clock),
    ...onLink === undefined ? {} : { onLink },
    ...update === undefined
      ? {}
      : { update: { parts: update, trial: await Trial.find(update) } },
    onRestart,
  });
  stack.defer(() => core.stop());
  const owned = stack.move();
  return { core, audit, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Reads the policy, and says in the log if it is wrong. */
async function findPolicy(dir: string): Promise<FoundPolicy> {
  const found = await readPolicy(dir);
  if (found.error !== "") {
    log.error("No command is allowed until the policy is right: {error}", {
      error: found.error,
    });
  }
  return found;
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
