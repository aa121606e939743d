import { join, resolve } from "@std/path";
import {
  readCommandResult,
  writeCommandResult,
} from "../proto/gen/piri/agent/v1/agent_messages.ts";
import { type JoinConfig, keepName } from "./agent/config.ts";
import { AUDIT_FOLDER } from "./agent/audit/audit_files.ts";
import { AuditLog } from "./agent/audit/audit_log.ts";
import { AgentCore } from "./agent/core.ts";
import { openJournal } from "./agent/journal/disk_journal.ts";
import { FactSource, helloFacts } from "./agent/fact_source.ts";
import { openAgentKey } from "./agent/key_files.ts";
import { machineId } from "./agent/machine_id.ts";
import { ownFilesOf } from "./agent/policy/own_files.ts";
import { type FoundPolicy, readPolicy } from "./agent/policy/policy.ts";
import { PolicyGate } from "./agent/policy/policy_gate.ts";
import { USED_FILE, UsedStatements } from "./agent/policy/used_statements.ts";
import { dialFirst } from "./agent/link/dial_first.ts";
import { HostSurvivors } from "./agent/survivors/host_survivors.ts";
import { shrunkResult } from "./agent/runner/result.ts";
import { RunningSettings } from "./agent/running_settings.ts";
import { RemovedNote } from "./agent/removed_note.ts";
import { MAX_RUNNING } from "./agent/runner/acceptance.ts";
import { Trial } from "./agent/update/trial.ts";
import { WITNESS_FILE, Witnesses } from "./agent/witness/witnesses.ts";
import { WorkerPool } from "./agent/workers/worker_pool.ts";
import { type Clock } from "./base/clock.ts";
import { Counters } from "./base/counters.ts";
import { openFileDisk } from "./base/file_disk.ts";
import { readPrivateIfThere, writeFileAtomically } from "./base/files.ts";
import { logger } from "./base/log.ts";
import type { LogOptions } from "./base/log_options.ts";
import type { Random } from "./base/random.ts";
import { bootId } from "./operations/process_table.ts";
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

/** Folder of the facts of the host's own, in the state folder. */
const FACTS_FOLDER = "facts.d";
/** Folder in its state with what runs of steps owe. */
const STEPS_FOLDER = "steps";
/** Folder in its state with the programs that outlive the agent. */
const SURVIVORS_FOLDER = "survivors";
/** Folder in its state with the modules of custom operations. */
const MODULES_FOLDER = "modules";

/** Agent with its state folder, its threads and its sockets. */
export interface OwnedCore extends AsyncDisposable {
  readonly core: AgentCore;
  readonly audit: AuditLog;
}

/** Puts the parts of an Agent together. Without settings in use, it is one that only says hello. */
export async function openAgent(
  config: JoinConfig,
  {
    dir: given,
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
  // Its programs run in other folders, where a relative path leads elsewhere.
  const dir = resolve(given);
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
  // Elsewhere no process can be found again for sure.
  const survivorsFolder = Deno.build.os === "linux"
    ? join(dir, SURVIVORS_FOLDER)
    : undefined;
  const surroundings = {
    path: commands.path,
    umask: commands.umask,
    environment: commands.environment,
    inheritedUmask: ownsProcess ? commands.umask : readUmask(),
    factsFolder: join(dir, FACTS_FOLDER),
    stepsFolder: join(dir, STEPS_FOLDER),
    modulesFolder: join(dir, MODULES_FOLDER),
    survivorsFolder,
    customOperations: config.customOperations,
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
      // Its service manager starts another version just as well.
      isRestarted: onRestart !== undefined,
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
    survivors: survivorsFolder === undefined
      ? undefined
      : new HostSurvivors(survivorsFolder),
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
export async function findPolicy(dir: string): Promise<FoundPolicy> {
  const found = await readPolicy(dir);
  if (found.error !== "") {
    log.error("No command is allowed until the policy is right: {error}", {
      error: found.error,
    });
  }
  return found;
}
