import type { Output } from "../../output.ts";
import type { Terminal } from "../../terminal.ts";
import { Patience } from "../patience.ts";
import { RetryingClient } from "../retrying_client.ts";
import type { Control } from "../services.ts";

/** Connection and output of a subcommand for plans. */
export interface PlanContext {
  readonly connect: () => Promise<Control>;
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly output: Output;
}

/** Means to start a job for hosts and to wait for its end. Disposing ends the wait. */
export interface JobWait extends Disposable {
  readonly client: RetryingClient;
  readonly patience: Patience;
  /** Options of `followPlan`: notes go between its lines from then on. */
  readonly follow: {
    readonly client: RetryingClient;
    readonly terminal: PlanContext["terminal"];
    readonly patience: Patience;
    readonly json: boolean;
    readonly onNote: (show: (text: string) => void) => void;
  };
}

/**
 * Begins to wait for what the Manager does.
 *
 * @param listLine Command line that shows what was started, for who leaves
 * @throws {PiriError} if the Manager is not there: only for one that goes away later is it worth to wait
 */
export async function beginWaiting(
  { connect, terminal, output, json }: PlanContext,
  { listLine, asks }: { readonly listLine: string; readonly asks?: boolean },
): Promise<JobWait> {
  (await connect())[Symbol.dispose]();
  const client = new RetryingClient(connect, terminal);
  let note = (text: string): void => void output.note(text);
  const patience = new Patience(terminal, {
    detach: false,
    listLine,
    note: (text) => note(text),
    ...asks === undefined ? {} : { asks },
  });
  return {
    client,
    patience,
    follow: {
      client,
      terminal,
      patience,
      json,
      onNote: (show) => note = show,
    },
    [Symbol.dispose]: () => patience[Symbol.dispose](),
  };
}
