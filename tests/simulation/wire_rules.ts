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
import { checkpointName, type Records } from "./records.ts";
import { hex, type Truth } from "./truth.ts";

const { REFUSED } = CommandResult_Status;

/** Messages of a connection so far, as far as rules need them. */
interface Said {
  /** Highest id that the agent had accepted at its hello, and highest id that it was sent since. */
  lastId: bigint;
  readonly acknowledged: Map<bigint, { stdout: bigint; stderr: bigint }>;
  /** Last grace that was sent for each cancelled command. */
  readonly graces: Map<bigint, number>;
}

/** Parts of the wire rules. */
export interface WireRulesOptions {
  readonly truth: Truth;
  readonly records: Records;
  /** True if ids have been given twice, so that a message about one id may mean another command. */
  readonly idsRepeat: () => boolean;
  /** True if the agent has lost its disk, or if there is another one of its name. */
  readonly forgets: (agent: string) => boolean;
}

/**
 * Rules about what the Manager must have on its disk before it sends a message, and about the order of its messages.
 */
export class WireRules {
  readonly #options: WireRulesOptions;
  readonly #said = new WeakMap<Wire, Said>();
  /** Last checkpoint of the audit that was told. */
  #checkpoint: { readonly count: bigint; readonly name: string } | undefined;
  /** First reported end of each command. */
  readonly #told = new Map<string, CommandResult_Status>();

  constructor(options: WireRulesOptions) {
    this.#options = options;
  }

  /** Checks a message that is sent over a connection, up or down. */
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
        this.#checkCheckpoint(wire, body.value);
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

  /** Checks that a checkpoint of the audit is on the disk before it is told, and that the audit only grows. */
  #checkCheckpoint(wire: Wire, { checkpoint }: ServerHello): void {
    if (checkpoint === undefined) return;
    const { truth, records, idsRepeat } = this.#options;
    const name = checkpointName(checkpoint);
    const { count } = checkpoint;
    const before = this.#checkpoint;
    truth.must(
      records.signed.has(name),
      () =>
        `${wire.agent} is told a checkpoint of ${count} entries that is not recorded`,
    );
    // A database that was put back has fewer entries.
    truth.must(
      idsRepeat() || before === undefined || count > before.count ||
        name === before.name,
      () =>
        `${wire.agent} is told a checkpoint of ${count} entries after one of ${before?.count}`,
    );
    this.#checkpoint = { count, name };
  }

  /**
   * Checks that a command is recorded as sent before its first byte, and that ids ascend from the highest accepted one.
   */
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

  /** Checks that a cancel is recorded before it is sent, and that a later one only shortens the grace. */
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

  /**
   * Checks that acknowledged bytes are on the Manager's disk, or counted there, and that no acknowledgement is taken
   * back.
   */
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
    // Repeated output of an ended command is acknowledged as it comes, so that nobody waits.
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

  /** Checks that a result is on the agent's disk before it is sent: whatever happens, a repeated result is the same. */
  #checkResult(
    { agent }: Wire,
    { commandId: id, status }: CommandResult,
  ): void {
    const { truth, idsRepeat, forgets } = this.#options;
    // A refusal is not stored.
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

  /** Checks that output is asked for from the recorded offset on. */
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
