import { join } from "@std/path";
import {
  readCommandResult,
  writeCommandResult,
} from "../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  type AgentConfig,
  finishJoin,
  loadAgentConfig,
  prepareJoin,
} from "./agent/config.ts";
import { AUDIT_FOLDER } from "./agent/audit/audit_files.ts";
import { AuditLog } from "./agent/audit/audit_log.ts";
import { AgentCore } from "./agent/core.ts";
import { openJournal } from "./agent/journal/disk_journal.ts";
import { hostFacts, machineId } from "./agent/host_facts.ts";
import type { LinkOptions } from "./agent/link/link.ts";
import { shrunkResult } from "./agent/runner/result.ts";
import { MAX_RUNNING } from "./agent/runner/acceptance.ts";
import { WorkerPool } from "./agent/workers/worker_pool.ts";
import { parseAddress } from "./base/address.ts";
import type { Clock } from "./base/clock.ts";
import { Counters } from "./base/counters.ts";
import { openFileDisk } from "./base/file_disk.ts";
import { logger } from "./base/log.ts";
import type { Random } from "./base/random.ts";
import { bootId } from "./operations/process_table.ts";
import { becomeSubreaper } from "./operations/subreaper.ts";
import { endSurvivors } from "./operations/survivors.ts";
import { dialTls } from "./wire/tls.ts";
import type { Transport } from "./wire/transport.ts";
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
}

/** Running Agent. */
export interface RunningAgent extends AsyncDisposable {
  /** Name of the agent. */
  readonly name: string;
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
  if (Deno.build.os === "linux" && !becomeSubreaper(options.clock)) {
    log.warning(
      "Processes that leave their command's group cannot all be found: this program may not become a subreaper",
    );
  }
  const owned = await openCore(config, options);
  try {
    await owned.audit.prepare();
    await owned.core.start();
  } catch (error) {
    await owned[Symbol.asyncDispose]();
    throw error;
  }
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= Promise.resolve(owned[Symbol.asyncDispose]());
  return { name: config.name, stop, [Symbol.asyncDispose]: stop };
}

/** Result of a join. */
export interface Joined {
  /** Name of the agent. */
  readonly name: string;
  /** Address of the Manager that was dialled, "host:port". */
  readonly address: string;
}

/**
 * Enrols this host: makes and keeps a secret, tells the Manager its hash, and says Bye. May be repeated with the same
 * token after any interruption.
 *
 * @param token The text that `piri-manager agent add` prints.
 * @param options Folder, time and randomness.
 * @returns The agent's name and the Manager's address.
 * @throws {PiriError} INVALID_ARGUMENT for an invalid token; AUTH_FAILED if the Manager does not take it; UNAVAILABLE;
 * DENIED; FAILED_PRECONDITION if the agent of this folder is running
 */
export async function joinManager(
  token: string,
  options: ServeAgentOptions,
): Promise<Joined> {
  const config = await prepareJoin(options.dir, token, options.random);
  await using owned = await openCore(config, options);
  const address = await owned.core.enrol();
  await finishJoin(options.dir, config, options.random);
  return { name: config.name, address };
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

/** Agent with its state folder, its threads and its sockets. */
interface OwnedCore extends AsyncDisposable {
  readonly core: AgentCore;
  readonly audit: AuditLog;
}

async function openCore(
  config: AgentConfig,
  { dir, clock, random }: ServeAgentOptions,
): Promise<OwnedCore> {
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
  const counters = new Counters();
  const audit = stack.use(
    new AuditLog({
      open: () => openFileDisk(join(dir, AUDIT_FOLDER)),
      clock,
      counters,
    }),
  );
  const core = new AgentCore({
    identity: { ...config, facts: hostFacts(config) },
    journal,
    audit,
    counters,
    workers: new WorkerPool({
      allowTestOperations: config.allowTestOperations,
      most: MAX_RUNNING,
      clock,
    }),
    clock,
    random,
    dial: dialFirst(config, clock),
    endSurvivors: (processes, marker) => endSurvivors(processes, marker, clock),
  });
  stack.defer(() => core.stop());
  const owned = stack.move();
  return { core, audit, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Dials a Manager's addresses in order, until one answers. */
function dialFirst(
  { addresses, serverName, caPem }: AgentConfig,
  clock: Clock,
): LinkOptions["dial"] {
  return async (signal): Promise<Transport> => {
    let failure: unknown;
    for (const address of addresses) {
      const { host: hostname, port } = parseAddress(address);
      try {
        return await dialTls({
          hostname,
          port,
          serverName,
          caPem,
          clock,
          signal,
        });
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
}
