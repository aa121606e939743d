import type { StreamName } from "../../store/records.ts";

/** Hellos that a trace keeps. */
const HELLOS = 10;

/** What a hello said of a command that it listed. */
export interface Listed {
  readonly at: number;
  readonly session: bigint;
  readonly state: "accepted" | "running" | "finished";
  /** Bytes that it has printed there. */
  readonly produced: Readonly<Record<StreamName, bigint>>;
}

/**
 * What this run of the Manager has seen of a command and does not record: for people who ask why. Nothing is decided by
 * it. Times are milliseconds since 1970.
 */
export class CommandTrace {
  /** Its bytes have been written to a connection. */
  writtenAt: number | undefined;
  /** Its cancel was given to a connection. */
  cancelSent: { readonly at: number; readonly session: bigint } | undefined;
  outputAt: number | undefined;
  progressAt: number | undefined;
  /** How much of its output the agent was last told to be held here. */
  acknowledged: Readonly<Record<StreamName, bigint>> | undefined;
  /** The agent was told that its result is held here. */
  resultAcknowledgedAt: number | undefined;
  readonly #hellos: Listed[] = [];

  /** The latest hellos that listed it, oldest first. */
  get hellos(): readonly Listed[] {
    return this.#hellos;
  }

  noteHello(listed: Listed): void {
    this.#hellos.push(listed);
    if (this.#hellos.length > HELLOS) this.#hellos.shift();
  }
}
