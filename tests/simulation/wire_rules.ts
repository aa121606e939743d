import {
  type Command,
  type CommandAck,
  type CommandCancel,
  type CommandResult,
  CommandResult_Status,
  type ServerHello,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Body } from "../../lib/wire/message.ts";
import type { Wire } from "./network.ts";
import type { Records } from "./records.ts";
import { hex, type Truth } from "./truth.ts";

const { REFUSED } = CommandResult_Status;

/** What was said on a connection so far, as far as rules ask for it. */
interface Said {
  /** The highest id that the agent had accepted when it said hello, and the highest that it was sent since. */
  lastId: bigint;
  readonly acknowledged: Map<bigint, { stdout: bigint; stderr: bigint }>;
  /** Of cancelled commands, the grace that was told last. */
  readonly graces: Map<bigint, number>;
}

/** What wire rules are made of. */
export interface WireRulesOptions {
  readonly truth: Truth;
  readonly records: Records;
  /** Ids have been given twice, so that what is said of one may be another command. */
  readonly idsRepeat: () => boolean;
  /** The agent has lost its disk, or there is another of its name. */
  readonly forgets: (agent: string) => boolean;
}

/** What the Manager must have on its disk before it says something, and in which order it says it. */
export class WireRules {
  readonly #options: WireRulesOptions;
  readonly #said = new WeakMap<Wire, Said>();
  /** How each command ended, as its agent told it first. */
  readonly #told = new Map<string, CommandResult_Status>();

  constructor(options: WireRulesOptions) {
    this.#options = options;
  }

  /** A message begins its way over a connection, up or down. */
  heard(wire: Wire, body: Body): void {
    switch (body.case) {
      case "clientHello":
        this.#said.set(wire, {
          lastId: body.value.lastCommandId,
          acknowledged: new Map(),
          graces: new Map(),
        });
        return;
      case "serverHello":
        return this.#checkResume(body.value);
      case "command":
        return this.#checkCommand(wire, body.value);
      case "cancel":
        return this.#checkCancel(wire, body.value);
      case "result":
        return this.#checkResult(wire, body.value);
      case "commandAck":
        return this.#checkAck(wire, body.value);
    }
  }

  /** Sent is recorded before the first byte; ids ascend, and begin above what the agent has accepted. */
  #checkCommand(wire: Wire, { commandId: id, nonce }: Command): void {
    const { truth, records } = this.#options;
    const known = records.find(id);
    truth.must(
      known?.nonce === nonce && known.state !== "queued",
      () =>
        `command ${id} (${hex(nonce)}) is written, and recorded as ${
          known === undefined ? "nothing" : `${hex(known.nonce)} ${known.state}`
        }`,
    );
    const said = this.#said.get(wire);
    if (said === undefined) return;
    truth.must(
      id > said.lastId,
      () =>
        `command ${id} (${
          hex(nonce)
        }) is written to ${wire.agent}, which has seen ${said.lastId}`,
    );
    said.lastId = id;
  }

  /** A cancel is recorded before it is sent, and a later one only shortens the grace. */
  #checkCancel(
    wire: Wire,
    { commandId: id, graceMs = Infinity }: CommandCancel,
  ): void {
    const { truth, records } = this.#options;
    truth.must(
      records.find(id)?.isCancelled ?? false,
      () => `a cancel of command ${id} is written, and not recorded`,
    );
    const graces = this.#said.get(wire)?.graces;
    const before = graces?.get(id) ?? Infinity;
    truth.must(
      graceMs <= before,
      () => `the grace of command ${id} grows from ${before} to ${graceMs} ms`,
    );
    graces?.set(id, graceMs);
  }

  /** What a Manager acknowledges is on its disk, or counted there; it never takes back what it acknowledged. */
  #checkAck(
    wire: Wire,
    { commandId: id, stdout, stderr, final }: CommandAck,
  ): void {
    const { truth, records, idsRepeat } = this.#options;
    const known = records.find(id);
    if (known === undefined || known.agent !== wire.agent || idsRepeat()) {
      return;
    }
    if (final) {
      truth.must(
        known.hasEnded,
        () => `the result of command ${id} is acknowledged, and not recorded`,
      );
      return;
    }
    // What is repeated of a command that has ended is acknowledged as it comes, so that nobody waits.
    if (known.hasEnded) return;
    const { recorded } = known;
    truth.must(
      stdout <= recorded.stdout && stderr <= recorded.stderr,
      () =>
        `${stdout}+${stderr} bytes of command ${id} are acknowledged, and ${recorded.stdout}+${recorded.stderr} recorded`,
    );
    const acknowledged = this.#said.get(wire)?.acknowledged;
    const before = acknowledged?.get(id) ?? { stdout: 0n, stderr: 0n };
    truth.must(
      stdout >= before.stdout && stderr >= before.stderr,
      () =>
        `${stdout}+${stderr} bytes of command ${id} are acknowledged after ${before.stdout}+${before.stderr}`,
    );
    acknowledged?.set(id, { stdout, stderr });
  }

  /** A result is on the agent's disk before it is told: after whatever comes in between, it is the same. */
  #checkResult(
    { agent }: Wire,
    { commandId: id, status }: CommandResult,
  ): void {
    const { truth, idsRepeat, forgets } = this.#options;
    // A refusal is not kept.
    if (idsRepeat() || forgets(agent) || status === REFUSED) return;
    const key = `${agent} ${id}`;
    const before = this.#told.get(key) ?? status;
    truth.must(
      status === before,
      () =>
        `${agent} told status ${before} of command ${id}, and now ${status}`,
    );
    this.#told.set(key, before);
  }

  /** Output is asked for from what is recorded. */
  #checkResume({ resume }: ServerHello): void {
    const { truth, records } = this.#options;
    for (const { commandId: id, stdout, stderr } of resume) {
      const known = records.find(id);
      if (known === undefined) continue;
      const { recorded } = known;
      truth.must(
        stdout <= recorded.stdout && stderr <= recorded.stderr,
        () =>
          `command ${id} is to go on from ${stdout}+${stderr}, and ${recorded.stdout}+${recorded.stderr} are recorded`,
      );
    }
  }
}
