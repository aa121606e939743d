import type { StreamName } from "../../store/records.ts";

/** Number of hellos that a trace keeps, the latest ones. */
const HELLOS = 10;

/** Entry of a hello about a command. */
export interface Listed {
  readonly at: number;
  readonly session: bigint;
  readonly state: "accepted" | "running" | "finished";
  /** Bytes that the command had printed on the agent, by stream. */
  readonly produced: Readonly<Record<StreamName, bigint>>;
}

/**
 * Sightings of a command in this run of the Manager that are not recorded, for people who ask why. No decision uses
 * them. Times are milliseconds since 1970.
 */
export class CommandTrace {
  /** Time at which its bytes were written to a connection. */
  writtenAt: number | undefined;
  /** Time and session at which its cancel was given to a connection. */
  cancelSent: { readonly at: number; readonly session: bigint } | undefined;
  outputAt: number | undefined;
  progressAt: number | undefined;
  /** Bytes that the last acknowledgement named, by stream. */
  acknowledged: Readonly<Record<StreamName, bigint>> | undefined;
  /** Time at which its result was acknowledged. */
  resultAcknowledgedAt: number | undefined;
  #hellos: Listed[] | undefined;

  /** The latest hellos that listed it, oldest first. */
  get hellos(): readonly Listed[] {
    return this.#hellos ?? [];
  }

  noteHello(listed: Listed): void {
    const hellos = this.#hellos ??= [];
    hellos.push(listed);
    if (hellos.length > HELLOS) hellos.shift();
  }
}
