import {
  type CommandResult,
  CommandResult_Status,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../../base/clock.ts";
import { logger } from "../../base/log.ts";
import { STATE_OF_STATUS } from "../../base/result_status.ts";
import type { Audit } from "../audit/audit_log.ts";
import type { RecordedEnd } from "../audit/audit_line.ts";
import type { CommandFacts } from "./command_facts.ts";
import type { StopReason } from "./stopping.ts";

const log = logger("agent", "commands");

const WHY: Readonly<Record<StopReason, string>> = {
  cancelled: "the Manager asks for it",
  timedOut: "its time is over",
  linkLost: "the Manager is out of reach",
  agentStopped: "the agent stops",
  policyTime: "it takes longer than the policy allows",
  policyOutput: "it prints more than the policy allows",
};

/** Life of one command in the log and in the host's own record: one line for each step. */
export class CommandRecord {
  readonly #audit: Audit;
  readonly #clock: Clock;
  readonly #facts: CommandFacts;
  /** Names the command in every line of the log. */
  readonly #subject: Readonly<Record<string, string>>;
  #startedAt: number | undefined;
  #noted = Promise.resolve();

  constructor(
    { audit, clock }: { readonly audit: Audit; readonly clock: Clock },
    facts: CommandFacts,
  ) {
    this.#audit = audit;
    this.#clock = clock;
    this.#facts = facts;
    const { id, operation, program, requestedBy } = facts;
    this.#subject = {
      id: String(id),
      what: [operation, program].filter(Boolean).join(" "),
      requestedBy: requestedBy || "an operator",
    };
  }

  /** Resolves when the acceptance is in the record. Awaited before the start. */
  get noted(): Promise<void> {
    return this.#noted;
  }

  /** Notes that the command is on this host's disk. */
  accepted(): void {
    const { words, ...command } = this.#facts;
    log.info(
      "Command {id} accepted: {what}, requested by {requestedBy}",
      this.#subject,
    );
    if (words.length > 0) {
      log.debug("Command {id} has these arguments: {words}", () => ({
        ...this.#subject,
        words: JSON.stringify(words),
      }));
    }
    this.#noted = this.#audit.add({
      at: this.#clock.now(),
      event: "accepted",
      command,
    });
  }

  /** Notes that the command is not carried out. */
  refused({ output }: Pick<CommandResult, "output">): void {
    const { words: _, ...command } = this.#facts;
    log.info(
      "Command {id} refused: {what}, requested by {requestedBy}: {why}",
      { ...this.#subject, why: output },
    );
    void this.#audit.add({
      at: this.#clock.now(),
      event: "refused",
      command,
      why: output,
    });
  }

  /** Notes that the command runs. */
  started(): void {
    this.#startedAt = this.#clock.monotonic();
    log.info(
      "Command {id} started: {what}, requested by {requestedBy}",
      this.#subject,
    );
    this.#add("started");
  }

  /** Notes that the command has outlived an earlier run of the agent. */
  takenUp(): void {
    log.info(
      "Command {id} is taken up: {what}, requested by {requestedBy}",
      this.#subject,
    );
  }

  /** Notes that the command is asked to end. */
  cancelled(reason: StopReason): void {
    log.info(
      "Command {id} is cancelled: {what}, requested by {requestedBy}: {why}",
      { ...this.#subject, why: WHY[reason] },
    );
    const { id, nonce, managerId } = this.#facts;
    void this.#audit.add({
      at: this.#clock.now(),
      event: "cancelled",
      command: { id, nonce, managerId },
      why: WHY[reason],
    });
  }

  /** Notes the end of the command. */
  ended(result: CommandResult): void {
    if (result.status === CommandResult_Status.REFUSED) {
      return this.refused(result);
    }
    const { words: _, ...command } = this.#facts;
    const end = this.#endOf(result);
    const facts = { ...this.#subject, ...end, end: textOf(end, result) };
    const text =
      "Command {id} ended: {what}, requested by {requestedBy}: {end}";
    if (end.state === "lost") log.warning(text, facts);
    else log.info(text, facts);
    void this.#audit.add({
      at: this.#clock.now(),
      event: "ended",
      command,
      end,
    });
  }

  #add(event: "started"): void {
    const { id, nonce, managerId } = this.#facts;
    void this.#audit.add({
      at: this.#clock.now(),
      event,
      command: { id, nonce, managerId },
    });
  }

  #endOf({ status, exitCode, signal }: CommandResult): RecordedEnd {
    return {
      state: STATE_OF_STATUS[status] ?? "failed",
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(signal === "" ? {} : { signal }),
      ...(this.#startedAt === undefined ? {} : {
        tookMs: Math.round(this.#clock.monotonic() - this.#startedAt),
      }),
    };
  }
}

function textOf(
  { state, exitCode, signal, tookMs }: RecordedEnd,
  { reaped }: CommandResult,
): string {
  return [
    state.replace("_", " "),
    ...(state === "lost" ? ["the agent ended while it ran"] : []),
    ...(signal === undefined ? [] : [signal]),
    ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]),
    ...(tookMs === undefined ? [] : [`after ${tookMs} ms`]),
    ...(reaped === undefined ? [] : [processesText(reaped.signalled)]),
  ].join(", ");
}

function processesText(signalled: number): string {
  return signalled === 1 ? "1 process ended" : `${signalled} processes ended`;
}
