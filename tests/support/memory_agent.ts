import { openJournal } from "../../lib/agent/journal/disk_journal.ts";
import type { Journal, JournalEntry } from "../../lib/agent/journal/journal.ts";
import { PolicyGate } from "../../lib/agent/policy/policy_gate.ts";
import {
  type UsedFile,
  UsedStatements,
} from "../../lib/agent/policy/used_statements.ts";
import { Runner, type RunnerOptions } from "../../lib/agent/runner/runner.ts";
import { AgentSession } from "../../lib/agent/link/session.ts";
import type { Survivors } from "../../lib/agent/survivors/survivors.ts";
import { Counters } from "../../lib/base/counters.ts";
import type {
  ProcessIdentity,
  ReapReceipt,
} from "../../lib/operations/operation.ts";
import type { End } from "../../lib/wire/connection.ts";
import { dialectOfManager } from "../../lib/wire/dialect.ts";
import { KEYLESS_FEATURES } from "../../lib/wire/features.ts";
import { memoryTransports } from "../../lib/wire/memory_transport.ts";
import {
  type Command,
  type CommandResult,
  createClientHello,
  createCommand,
  readCommandResult,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { countingRandom } from "./counting_random.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeWorkers } from "./fake_workers.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { type Init, ScriptedPeer } from "./scripted_peer.ts";
import { decode } from "../../lib/protobuf/protobuf_reader.ts";
import { HeardAudit } from "./heard_audit.ts";

/** Id of the Manager in these tests. */
export const MANAGER = "manager-1";

/** Core of an Agent without sockets, threads and files: a real journal on a disk in memory, and a real runner. */
export class MemoryAgent implements AsyncDisposable {
  readonly workers = new FakeWorkers();
  readonly audit = new HeardAudit();
  readonly policy: PolicyGate;
  readonly journal: Journal;
  readonly runner: Runner;
  /** Searches for survivors of earlier commands, in order. */
  readonly sought: { processes: readonly ProcessIdentity[]; marker: string }[] =
    [];
  receipt: ReapReceipt = { signalled: 0, alive: [] };
  readonly counters = new Counters();
  /** End of each connection, in the order in which they were made. */
  readonly ends: Promise<End>[] = [];
  /** True if the connection of given commands is up, and what it says is new. */
  mayBegin = true;
  /** Session that became ready last. */
  session: AgentSession | undefined;
  readonly #peers: ScriptedPeer[] = [];
  readonly #usedFile: UsedFile;
  readonly #survivors: Survivors | undefined;
  #crashed = false;
  /** Answers requests of operations to the Manager. */
  answer: RunnerOptions["request"] = () => Promise.resolve("");

  static async start(
    disk: MemoryDisk = new MemoryDisk(),
    clock: FakeClock = new FakeClock(),
    usedFile: UsedFile = new MemoryUsedFile(),
    survivors: Survivors | undefined = undefined,
  ): Promise<MemoryAgent> {
    const used = new UsedStatements(clock, usedFile);
    await used.load();
    const journal = await openJournal({
      disk,
      random: countingRandom(),
      machineId: "machine",
      bootId: "boot",
    });
    const policy = new PolicyGate(undefined, { name: () => "web-1", used });
    const parts = { journal, policy, usedFile, survivors };
    return new MemoryAgent(disk, clock, parts);
  }

  private constructor(
    readonly disk: MemoryDisk,
    readonly clock: FakeClock,
    { journal, policy, usedFile, survivors }: {
      readonly survivors: Survivors | undefined;
      readonly journal: Journal;
      readonly policy: PolicyGate;
      readonly usedFile: UsedFile;
    },
  ) {
    this.journal = journal;
    this.policy = policy;
    this.#usedFile = usedFile;
    this.#survivors = survivors;
    this.runner = new Runner({
      journal,
      audit: this.audit,
      policy: this.policy,
      workers: this.workers,
      clock,
      survivors,
      request: (type, params) => this.answer(type, params),
      endSurvivors: (processes, marker) => {
        this.sought.push({ processes, marker });
        return Promise.resolve(this.receipt);
      },
    });
  }

  /** The agent after it was killed and started again. */
  restarted(): Promise<MemoryAgent> {
    this.#crashed = true;
    return MemoryAgent.start(
      this.disk.afterCrash("kill"),
      this.clock,
      this.#usedFile,
      this.#survivors,
    );
  }

  /** Gives the runner a command. */
  accept(
    init: Init<"command">,
    managerId = MANAGER,
  ): Promise<JournalEntry | CommandResult | undefined> {
    const dialect = dialectOfManager(managerId);
    return this.runner.accept(commandOf(init), {
      managerId,
      dialect,
      mayBegin: () => this.mayBegin,
      hasCancelOf: () => false,
    });
  }

  /** Gives the runner a command that it accepts. */
  async accepted(
    init: Init<"command">,
    managerId = MANAGER,
  ): Promise<JournalEntry> {
    const entry = await this.accept(init, managerId);
    if (entry === undefined || "status" in entry) {
      throw new Error(`it was not accepted: ${entry?.output}`);
    }
    return entry;
  }

  /** Gives the runner a command that it refuses. */
  async refused(
    init: Init<"command">,
    managerId = MANAGER,
  ): Promise<CommandResult> {
    const result = await this.accept(init, managerId);
    if (result === undefined || !("status" in result)) {
      throw new Error("it was not refused");
    }
    return result;
  }

  /** Makes a connection that has said hello, and returns the Manager's end of it. */
  async dial(): Promise<ScriptedPeer> {
    const [ours, theirs] = memoryTransports();
    const peer = new ScriptedPeer(theirs);
    const session = new AgentSession(ours, {
      journal: this.journal,
      runner: this.runner,
      clock: this.clock,
      counters: this.counters,
      ready: (session) => this.session = session,
    });
    this.ends.push(session.run(createClientHello()));
    this.#peers.push(peer);
    await peer.hears("clientHello");
    return peer;
  }

  /** Makes a connection that the Manager has admitted. */
  async welcomed(init: Init<"serverHello"> = {}): Promise<ScriptedPeer> {
    const peer = await this.dial();
    await peer.says("serverHello", {
      version: 1,
      features: [...KEYLESS_FEATURES],
      managerId: MANAGER,
      ...init,
    });
    await this.clock.settle();
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.hangUp();
    await Promise.all(this.ends);
    if (this.#crashed) return;
    await this.clock.settle();
    await this.journal[Symbol.asyncDispose]();
  }
}

/** File of used statements in memory. */
class MemoryUsedFile implements UsedFile {
  #text: string | undefined;

  read(): Promise<string | undefined> {
    return Promise.resolve(this.#text);
  }

  write(text: string): Promise<void> {
    this.#text = text;
    return Promise.resolve();
  }
}

/** Command as received. */
export function commandOf(init: Init<"command">): Command {
  return createCommand({
    type: "echo.Echo",
    data: '{"text":"hi"}',
    nonce: 7n,
    ...init,
  } as Init<"command">);
}

/** Result as the journal has it. */
export function resultOf({ result }: JournalEntry): CommandResult {
  if (result === undefined) throw new Error("it is not finished");
  return decode(readCommandResult, result);
}
