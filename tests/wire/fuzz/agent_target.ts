import {
  type AuditLine,
  decodeLine,
  encodeLine,
} from "../../../lib/agent/audit/audit_line.ts";
import { concat } from "@std/bytes/concat";
import { openJournal } from "../../../lib/agent/journal/disk_journal.ts";
import type {
  Journal,
  JournalEntry,
} from "../../../lib/agent/journal/journal.ts";
import { Link } from "../../../lib/agent/link/link.ts";
import { MAX_RUNNING } from "../../../lib/agent/runner/acceptance.ts";
import { PolicyGate } from "../../../lib/agent/policy/policy_gate.ts";
import { Runner } from "../../../lib/agent/runner/runner.ts";
import type { AgentSession } from "../../../lib/agent/link/session.ts";
import { Witnesses } from "../../../lib/agent/witness/witnesses.ts";
import { Counters } from "../../../lib/base/counters.ts";
import { Limits } from "../../../lib/base/limits.ts";
import { managerTable } from "../../../lib/manager/session.ts";
import { type Body, encodeMessage } from "../../../lib/wire/message.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";
import { body } from "../../support/scripted_peer.ts";
import { drive, nameOfEnd } from "./drive.ts";
import { require } from "./finding.ts";
import { FuzzClock, turn } from "./fuzz_clock.ts";
import { FuzzWorkers } from "./fuzz_workers.ts";
import { heard, messagesIn } from "./heard.ts";
import { type Journaled, managerSays } from "./manager_says.ts";
import { ScriptTransport } from "./script_transport.ts";
import { Seeded } from "../../support/seeded.ts";
import {
  type Conversation,
  type Reached,
  spoil,
  type Target,
} from "./target.ts";

/** The simulated Manager. A flipped bit makes it the other, for which the agent works, too. */
const OWN = "manager-1";
const OTHER = "manager-3";

/** A command of the other Manager, which has ended and was not acknowledged. */
const OTHERS_ID = 5n;

/** An Agent with a journal on a disk in memory. */
export class AgentTarget implements Target {
  readonly #clock: FuzzClock;
  readonly #journal: Journal;
  readonly #workers: FuzzWorkers;
  readonly #runner: Runner;
  readonly #link: Link;
  readonly #counters = new Counters();
  readonly #others: JournalEntry;
  #transport = new ScriptTransport(NOBODY);

  static async open(): Promise<AgentTarget> {
    const clock = new FuzzClock();
    const random = new Seeded(1);
    const journal = await openJournal({
      disk: new MemoryDisk(),
      random,
      machineId: "machine",
      bootId: "boot",
      limits: { reserve: 4_096 },
    });
    const others = await journal.accept({
      id: OTHERS_ID,
      nonce: 105n,
      managerId: OTHER,
      command: encodeMessage(body("command", { commandId: OTHERS_ID })),
    });
    await others.started();
    await others.append("stdout", new TextEncoder().encode("secret"));
    await others.finish(new Uint8Array());
    return new AgentTarget({ clock, journal, random, others });
  }

  private constructor({ clock, journal, random, others }: {
    clock: FuzzClock;
    journal: Journal;
    random: Seeded;
    others: JournalEntry;
  }) {
    this.#clock = clock;
    this.#journal = journal;
    this.#others = others;
    this.#workers = new FuzzWorkers(clock, random);
    this.#runner = new Runner({
      journal,
      audit: { add: readAgain },
      policy: new PolicyGate(),
      workers: this.#workers,
      clock,
      request: (type, params) => this.#link.request(type, params),
      endSurvivors: () => Promise.resolve({ signalled: 1, alive: [17] }),
    });
    this.#link = new Link({
      identity: { name: "web-1", secret: "secret", facts: { os: "linux" } },
      journal,
      runner: this.#runner,
      policy: new PolicyGate(),
      clock,
      random,
      counters: this.#counters,
      dial: () => Promise.resolve(this.#transport),
      witness: new Witnesses({
        file: {
          read: () => Promise.resolve(undefined),
          write: () => Promise.resolve(),
        },
        clock,
        counters: this.#counters,
      }),
    });
  }

  think(random: Seeded): Conversation {
    const view = {
      managerId: random.chance(0.97) ? OWN : OTHER,
      lastCommandId: this.#journal.lastCommandId,
      entries: this.#journal.entries()
        .filter(({ managerId }) => managerId === OWN)
        .map(journaled),
    };
    return spoil(managerSays(view, random), 1, random);
  }

  async have({ script, interventions }: Conversation): Promise<Reached> {
    const before = this.#counters.all();
    const lastBefore = this.#journal.lastCommandId;
    const entriesBefore = this.#journal.entries().length;
    const othersBefore = this.#othersState();
    let session: AgentSession | undefined;
    this.#transport = new ScriptTransport(script, (index) => {
      for (const { at, does } of interventions) {
        if (at === index && does === "leaves") session?.leave("it stops");
      }
    });
    const transport = this.#transport;
    const { end, wasReady } = await drive(
      this.#link.serveOnce((ready) => session = ready),
      { clock: this.#clock, activity: () => transport.activity },
    );
    const name = nameOfEnd(end);
    for (let turns = 0; turns < 3; turns++) await turn();
    require(transport.isClosed, "a connection that has ended is closed");
    const said = messagesIn(concat(script.chunks));
    const messages = this.#heard(transport);
    const hello = helloIn(said);
    if (wasReady) {
      require(hello !== undefined, "the agent is ready only after ServerHello");
    } else {
      require(
        this.#journal.lastCommandId === lastBefore &&
          this.#journal.entries().length === entriesBefore &&
          this.#workers.started.length === 0,
        "nothing is accepted before ServerHello",
      );
    }
    this.#checkJobs(said, hello === "" ? -1n : lastBefore);
    if (hello !== OTHER) {
      require(
        this.#othersState() === othersBefore,
        "no Manager acknowledges what is another's",
      );
      const told = messages.some(({ case: kind, value }) =>
        kind === "commandOutput" && value.commandId === OTHERS_ID
      );
      require(!told, "no Manager is told what is another's");
    }
    require(
      this.#journal.lastCommandId >= lastBefore,
      "the highest id that was accepted only grows",
    );
    require(
      this.#journal.entries().length <= Limits.openCommands,
      "no more commands are journaled than the limit",
    );
    const counted = Object.entries(this.#counters.all())
      .filter(([name, count]) => count !== before[name])
      .map(([name]) => `counts ${name}`);
    return {
      end: name,
      features: new Set([
        `ends ${name}`,
        ...counted,
        ...messages.map(({ case: kind }) => `answers ${kind}`),
        ...said.map(({ case: kind }) =>
          `hears ${kind}${wasReady ? " of a Manager" : ""}`
        ),
      ]),
    };
  }

  async conclude(): Promise<void> {
    const stopped = this.#runner.stop();
    await drive(stopped, { clock: this.#clock, activity: () => 0 });
    require(
      this.#clock.timers === 0,
      `when nothing runs no timer is set: ${this.#clock.timers} are`,
    );
    for (const { state } of this.#journal.entries()) {
      require(state === "finished", "when nothing runs all have a result");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#journal[Symbol.asyncDispose]();
  }

  /** Reads the agent's messages. Its own hello came first, and only the Manager's greeting has a row for that. */
  #heard({ written }: ScriptTransport): Body[] {
    return heard(written, managerTable, "clientHello");
  }

  /** Checks that every job was asked for, and none twice. `last` is below 0 for a legacy Manager, whose ids repeat. */
  #checkJobs(said: readonly Body[], last: bigint): void {
    let highest = last;
    for (const job of this.#workers.started.splice(0)) {
      const asked = said.some(({ case: kind, value }) =>
        kind === "command" && value.commandId === job.commandId &&
        // A legacy Manager's command is translated to a current one.
        (last < 0n || value.type === job.operation && value.data === job.params)
      );
      require(asked, "what is started was asked for");
      if (last < 0n) continue;
      require(
        job.commandId > highest,
        "only an id above all that were accepted is accepted",
      );
      highest = job.commandId;
    }
  }

  #othersState(): string {
    const isThere = this.#journal.find(OTHER, OTHERS_ID) === this.#others;
    return `${isThere} ${this.#others.acknowledged("stdout")}`;
  }
}

/** A connection without a peer. */
const NOBODY = {
  chunks: [],
  ending: "hangs up",
  reads: true,
  takes: 1,
} as const;

/** Makes sure that there are more jobs than workers, and fewer of both than may run. */
require(MAX_RUNNING > 8, "some jobs find no worker");

/** The Manager id of the first message, pings aside, if that is a hello. */
function helloIn(said: readonly Body[]): string | undefined {
  const first = said.find(({ case: kind }) =>
    kind !== "ping" && kind !== "pong"
  );
  return first?.case === "serverHello" ? first.value.managerId : undefined;
}

/** Checks that a line of the record can be read again, whatever a Manager put into it. */
function readAgain(line: AuditLine): Promise<void> {
  const text = encodeLine(line);
  if (text.indexOf("\n") !== text.length - 1 || text.length > 10_000) {
    throw new Error(`a line of the record is no line: ${text}`);
  }
  if (typeof decodeLine(text) !== "object") {
    throw new Error(`a line of the record cannot be read: ${text}`);
  }
  return Promise.resolve();
}

function journaled(entry: JournalEntry): Journaled {
  return {
    id: entry.id,
    nonce: entry.nonce,
    isFinished: entry.state === "finished",
    stdout: entry.produced("stdout"),
    stderr: entry.produced("stderr"),
  };
}
