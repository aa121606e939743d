import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { join } from "@std/path";
import {
  Bye_Code,
  CommandResultSchema,
} from "../proto/gen/piri/agent/v1/agent_pb.ts";
import {
  type AgentConfig,
  finishJoin,
  loadAgentConfig,
  prepareJoin,
} from "./agent/config.ts";
import { openJournal } from "./agent/disk_journal.ts";
import { bootId, hostFacts, machineId } from "./agent/host_facts.ts";
import { EXPIRY, type Journal } from "./agent/journal.ts";
import { Link, type LinkOptions } from "./agent/link.ts";
import { shrunkResult } from "./agent/result.ts";
import { MOST_RUNNING, Runner } from "./agent/runner.ts";
import { WorkerPool } from "./agent/worker_pool.ts";
import type { Workers } from "./agent/workers.ts";
import { parseAddress } from "./base/address.ts";
import { type Clock, sleep, type Timer } from "./base/clock.ts";
import { Counters } from "./base/counters.ts";
import { openFileDisk } from "./base/file_disk.ts";
import { messageOf, PiriError } from "./base/errors.ts";
import { logger } from "./base/log.ts";
import type { Random } from "./base/random.ts";
import { VERSION } from "./base/version.ts";
import { becomeSubreaper } from "./operations/subreaper.ts";
import { endSurvivors } from "./operations/survivors.ts";
import type { End } from "./wire/connection.ts";
import { dialTls } from "./wire/tls.ts";
import type { Transport } from "./wire/transport.ts";

const log = logger("agent");

/** An agent that stops waits so long for the Manager to acknowledge its results, milliseconds. */
const LAST_ACKS_MS = 5_000;
const LAST_ACKS_LOOK_MS = 50;

/** How often the journal is looked through for what is too old or too much, milliseconds. */
const UPKEEP_MS = 3_600_000;

/** What an Agent needs. */
export interface ServeAgentOptions {
  /** The state folder; `join` has made it. */
  readonly dir: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** A running Agent. */
export interface RunningAgent extends AsyncDisposable {
  readonly name: string;
  /** Refuses new commands, ends those that run, delivers what it can within 5 s, and says Bye. */
  stop(): Promise<void>;
}

/**
 * Starts the Agent of a state folder. It keeps dialling its Manager until it is stopped.
 *
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
  const core = await AgentCore.open(config, options);
  await core.start();
  return core;
}

/** What became of a join. */
export interface Joined {
  readonly name: string;
  /** The Manager's address that was dialled. */
  readonly address: string;
}

/**
 * Enrols this host: keeps a secret of its own making, tells the Manager its hash, and says Bye. May be repeated with the
 * same token after any interruption.
 *
 * @throws {PiriError} INVALID_ARGUMENT for what is no token; AUTH_FAILED if the Manager does not take it; UNAVAILABLE;
 * DENIED; FAILED_PRECONDITION if the agent of this folder is running
 */
export async function joinManager(
  token: string,
  options: ServeAgentOptions,
): Promise<Joined> {
  const config = await prepareJoin(options.dir, token, options.random);
  await using core = await AgentCore.open(config, options);
  const address = await core.enrol();
  await finishJoin(options.dir, config, options.random);
  return { name: config.name, address };
}

/**
 * Says hello once as `run` would, and Bye.
 *
 * @throws {PiriError} as `joinManager`
 */
export async function tryHello(options: ServeAgentOptions): Promise<string> {
  const config = await loadAgentConfig(options.dir);
  await using core = await AgentCore.open(config, options);
  return await core.enrol();
}

/** All parts of an Agent, put together. */
class AgentCore implements RunningAgent {
  readonly name: string;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #workers: Workers;
  readonly #runner: Runner;
  readonly #link: Link;
  readonly #release: AsyncDisposable;
  #upkeep: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  static async open(
    config: AgentConfig,
    options: ServeAgentOptions,
  ): Promise<AgentCore> {
    const disk = await openFileDisk(join(options.dir, "journal"));
    try {
      const boot = await bootId();
      const journal = await openJournal({
        disk,
        random: options.random,
        machineId: await machineId(),
        ...boot === undefined ? {} : { bootId: boot },
        shrinkResult: (bytes) =>
          toBinary(
            CommandResultSchema,
            shrunkResult(fromBinary(CommandResultSchema, bytes)),
          ),
      });
      return new AgentCore(config, options, journal, disk);
    } catch (error) {
      await disk[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    config: AgentConfig,
    { clock, random }: ServeAgentOptions,
    journal: Journal,
    disk: AsyncDisposable,
  ) {
    this.name = config.name;
    this.#clock = clock;
    this.#journal = journal;
    this.#release = disk;
    this.#workers = new WorkerPool({
      allowTestOperations: config.allowTestOperations,
      most: MOST_RUNNING,
      clock,
    });
    this.#runner = new Runner({
      journal,
      workers: this.#workers,
      clock,
      request: (type, params) => this.#link.request(type, params),
      endSurvivors: (processes, marker) =>
        endSurvivors(processes, marker, clock),
    });
    this.#link = new Link({
      identity: {
        name: config.name,
        secret: config.secret,
        joinToken: config.joinToken,
        facts: hostFacts(config),
      },
      journal,
      runner: this.#runner,
      clock,
      random,
      counters: new Counters(),
      dial: dialFirst(config, clock),
    });
  }

  async start(): Promise<void> {
    await this.#runner.settlePast();
    log.info("piri-agent {version} of {name} starts", {
      version: VERSION,
      name: this.name,
    });
    this.#running = this.#link.run();
    await this.#keepUp();
  }

  async #keepUp(): Promise<void> {
    const now = this.#clock.now();
    const bytes = await this.#journal.expire({ now, ...EXPIRY });
    if (bytes > 0) {
      log.warning("{bytes} bytes of the journal expired", { bytes });
    }
    if (this.#stopped !== undefined) return;
    this.#upkeep = this.#clock.timer(UPKEEP_MS, () => {
      this.#keepUp().catch((error) =>
        log.error("Upkeep failed: {error}", { error: messageOf(error) })
      );
    });
  }

  /** One connection, ended by this side once the Manager has let the agent in. Returns the Manager's address. */
  async enrol(): Promise<string> {
    let address = "";
    const { end, wasReady } = await this.#link.serveOnce((session) => {
      address = session.connection.peer;
      session.leave("joined");
    });
    if (!wasReady) throw whyNot(end);
    return address;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.#upkeep?.cancel();
    this.#runner.refuse("the agent stops");
    await this.#runner.stop();
    await this.#lastAcks();
    this.#link.stop("the agent stops");
    await this.#running;
    this.#workers.close();
    await this.#journal[Symbol.asyncDispose]();
    await this.#release[Symbol.asyncDispose]();
  }

  async #lastAcks(): Promise<void> {
    const end = this.#clock.monotonic() + LAST_ACKS_MS;
    while (
      this.#link.isReady && this.#journal.entries().length > 0 &&
      this.#clock.monotonic() < end
    ) {
      await sleep(this.#clock, LAST_ACKS_LOOK_MS);
    }
  }
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

/** Why the Manager did not let the agent in. */
function whyNot(end: End): PiriError {
  if (end.kind !== "bye") {
    return new PiriError(
      "UNAVAILABLE",
      `Cannot join: the connection ended, ${end.reason}`,
    );
  }
  const { code, reason } = end.bye;
  return code === Bye_Code.AUTH_FAILED
    ? new PiriError(
      "AUTH_FAILED",
      'Cannot join: the Manager does not take this token; it may be expired, used by another host, or replaced ("piri-manager agent token NAME" makes a new one)',
    )
    : new PiriError("REFUSED", `Cannot join: the Manager says "${reason}"`);
}
