/** Event of which webhooks tell. */
export type WebhookEvent =
  | "job.ended"
  | "agent.away"
  | "drift.found"
  | "drift.heal_failed"
  | "drift.gone";

/** Event that one webhook is to tell. */
export interface NewDelivery {
  /** Id of the webhook. */
  readonly hook: string;
  readonly event: WebhookEvent;
  /** Id of the job, name of the agent, or what is told of drift as JSON. */
  readonly subject: string;
  /** Time of the event, in milliseconds since 1970. */
  readonly at: number;
  /** Time of the agent's last connection: its absence since then is told once. */
  readonly connectedAt?: number;
}

/** Event that a webhook has yet to tell. */
export interface Delivery extends Omit<NewDelivery, "connectedAt"> {
  readonly id: bigint;
  /** Number of attempts so far. */
  readonly tries: number;
  /** Time of the next attempt, in milliseconds since 1970. */
  readonly nextAt: number;
}

/** Change of what webhooks have yet to tell. */
export type DeliveryChange =
  /** Forgets all of other webhooks than these. */
  | { readonly kind: "keep"; readonly hooks: readonly string[] }
  /** Returns those that were added: all but absences that were told before. */
  | { readonly kind: "add"; readonly deliveries: readonly NewDelivery[] }
  /** Has failed, and is tried again. */
  | {
    readonly kind: "retry";
    readonly id: bigint;
    readonly tries: number;
    readonly nextAt: number;
  }
  /** Has arrived, or is given up. */
  | { readonly kind: "end"; readonly id: bigint };
