import type { Timer } from "../../base/clock.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type {
  Delivery,
  NewDelivery,
  WebhookEvent,
} from "../../store/delivery_records.ts";
import type { AgentRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { AgentRoster } from "../agents/agent_roster.ts";
import { Absences } from "./absences.ts";
import { type HookParts, HookQueue } from "./hook_queue.ts";
import { originOf, type Webhook, webhookId } from "./webhook.ts";

const log = logger("manager", "webhooks");

/** Time between two looks for agents that stay away, in milliseconds. */
export const LOOK_MS = 10_000;

/** Time that attempts have to end when the Manager stops, in milliseconds. */
const STOPPING_MS = 3_000;

/** Parts of the Manager that all webhooks need. */
export interface WebhookParts extends Omit<HookParts, "store" | "events"> {
  readonly roster: AgentRoster;
}

/**
 * Tells other programs of the end of jobs, of drift, and of agents that stay away. The end of a job, or what a plan of a
 * rule of drift has found, and what is to be told of it are recorded in one write, so that none is lost; each is told again until its receiver has taken it.
 */
export class Webhooks {
  readonly #parts: WebhookParts;
  readonly #absences: Absences;
  readonly #queues = new Map<string, HookQueue>();
  /** Webhooks that have no room, and whose events are dropped. */
  readonly #full = new Set<string>();
  /** Time of the last connection before the absence that was told, by webhook and agent. */
  readonly #told = new Map<string, number>();
  #hookParts: HookParts | undefined;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(parts: WebhookParts) {
    this.#parts = parts;
    this.#absences = new Absences(parts.clock);
  }

  /** Names what webhooks are read from and reported by. Called once, before `load`. */
  use(parts: Pick<HookParts, "store" | "events">): void {
    this.#hookParts = { ...this.#parts, ...parts };
  }

  /** Takes over what an earlier run has left, and begins to tell it. */
  async load(
    agents: readonly AgentRecord[],
    webhooks: readonly Webhook[],
  ): Promise<void> {
    this.#absences.load(agents);
    await this.#adopt(webhooks);
  }

  /** Takes other settings over. Events for webhooks that are no longer there are forgotten. */
  async adopt(webhooks: readonly Webhook[]): Promise<void> {
    try {
      await this.#adopt(webhooks);
    } catch (error) {
      log.error("Cannot read what webhooks have yet to tell: {error}", {
        error: messageOf(error),
      });
    }
  }

  async #adopt(webhooks: readonly Webhook[]): Promise<void> {
    const parts = this.#hookParts;
    if (parts === undefined) return;
    const wanted = new Map(webhooks.map((each) => [webhookId(each), each]));
    for (const [id, queue] of this.#queues) {
      if (wanted.has(id)) continue;
      this.#queues.delete(id);
      void queue.close(0);
    }
    const fresh = [...wanted].filter(([id, webhook]) => {
      const queue = this.#queues.get(id);
      queue?.adopt(webhook);
      if (queue === undefined) {
        this.#queues.set(id, new HookQueue(webhook, parts));
      }
      return queue === undefined;
    });
    const { hooks, deliveries } = await parts.store.deliveries();
    const ids = new Set(fresh.map(([id]) => id));
    this.#enqueue(deliveries.filter(({ hook }) => ids.has(hook)));
    this.#timer?.cancel();
    this.#look();
    if (hooks.some((hook) => !wanted.has(hook))) {
      await this.#forgetOthers(parts.store, [...wanted.keys()]);
    }
  }

  /** Forgets what other webhooks have yet to tell. It may stay until a later start: nothing reads it. */
  async #forgetOthers(store: Store, hooks: readonly string[]): Promise<void> {
    try {
      await store.changeDeliveries({ kind: "keep", hooks });
    } catch (error) {
      if (codeOf(error) !== "DISK") throw error;
      log.warning("Cannot forget the events of former webhooks: {error}", {
        error: messageOf(error),
      });
    }
  }

  /** Store that adds what is to be told to the writes that it happens with. */
  watch(store: Store): Store {
    const patchJob: Store["patchJob"] = async (patch, audit) => {
      const deliveries = patch.finishedAt === undefined ||
          patch.finishedAt === null
        ? []
        : this.#deliveriesOf("job.ended", {
          subject: String(patch.id),
          at: patch.finishedAt,
        });
      if (deliveries.length === 0) return await store.patchJob(patch, audit);
      const added = await store.patchJob(patch, audit, deliveries);
      this.#enqueue(added);
      return added;
    };
    const endDriftRound: Store["endDriftRound"] = async (rule, findings) => {
      const deliveries = findings.news.flatMap(({ event, ...about }) =>
        this.#deliveriesOf(event, about)
      );
      const added = await store.endDriftRound(rule, findings, deliveries);
      this.#enqueue(added);
      return added;
    };
    const admitAgent: Store["admitAgent"] = async (id, hello) => {
      const admittance = await store.admitAgent(id, hello);
      this.#absences.came(id, hello.at);
      return admittance;
    };
    const agentLeft: Store["agentLeft"] = async (id, left) => {
      await store.agentLeft(id, left);
      this.#absences.left(id, left.at);
    };
    const renameAgent: Store["renameAgent"] = async (from, to, audit) => {
      const record = await store.renameAgent(from, to, audit);
      this.#absences.rename(from, to);
      return record;
    };
    const removeAgent: Store["removeAgent"] = async (id, removal, audit) => {
      const moved = await store.removeAgent(id, removal, audit);
      this.#absences.forget(id);
      return moved;
    };
    return Object.assign(Object.create(store) as Store, {
      patchJob,
      endDriftRound,
      admitAgent,
      agentLeft,
      renameAgent,
      removeAgent,
    });
  }

  /** Stops to tell. What has not arrived is told after the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await Promise.all(
      [...this.#queues.values()].map((queue) => queue.close(STOPPING_MS)),
    );
  }

  #deliveriesOf(
    event: WebhookEvent,
    about: Pick<NewDelivery, "subject" | "at" | "connectedAt">,
  ): NewDelivery[] {
    return [...this.#queues].flatMap(([hook, queue]) =>
      queue.webhook.events.includes(event) && this.#hasRoom(hook, queue)
        ? [{ hook, event, ...about }]
        : []
    );
  }

  #hasRoom(id: string, queue: HookQueue): boolean {
    if (queue.room > 0) {
      this.#full.delete(id);
      return true;
    }
    this.#parts.counters.add("webhooks_dropped");
    if (this.#full.has(id)) return false;
    this.#full.add(id);
    this.#hookParts?.events.add(
      "webhook_full",
      `the webhook ${
        originOf(queue.webhook)
      } is told of no more: too many events wait for it`,
    );
    return false;
  }

  #enqueue(deliveries: readonly Delivery[]): void {
    for (const [id, queue] of this.#queues) {
      queue.add(deliveries.filter(({ hook }) => hook === id));
    }
  }

  /** Looks for agents that stay away, now and again. Without a webhook for them it does nothing. */
  #look(): void {
    const hooks = [...this.#queues.values()].map(({ webhook }) => webhook);
    if (
      this.#isClosed ||
      !hooks.some(({ events }) => events.includes("agent.away"))
    ) return;
    void this.#tellAbsences().catch((error) =>
      log.error("Cannot record that agents stay away: {error}", {
        error: messageOf(error),
      })
    ).finally(() => {
      if (this.#isClosed) return;
      this.#timer?.cancel();
      this.#timer = this.#parts.clock.timer(LOOK_MS, () => this.#look());
    });
  }

  async #tellAbsences(): Promise<void> {
    const told: [key: string, connectedAt: number][] = [];
    const deliveries = [...this.#queues].flatMap(([hook, queue]) => {
      const { events, awayAfter } = queue.webhook;
      if (!events.includes("agent.away")) return [];
      return this.#absences.longerThan(awayAfter).flatMap(
        ({ agent, at, connectedAt }): NewDelivery[] => {
          const key = `${hook} ${agent}`;
          if (this.#told.get(key) === connectedAt) return [];
          if (!this.#isMissed(agent) || !this.#hasRoom(hook, queue)) return [];
          told.push([key, connectedAt]);
          return [
            { hook, event: "agent.away", subject: agent, at, connectedAt },
          ];
        },
      );
    });
    if (deliveries.length === 0) return;
    const added = await this.#hookParts?.store.changeDeliveries({
      kind: "add",
      deliveries,
    });
    for (const [key, connectedAt] of told) this.#told.set(key, connectedAt);
    this.#enqueue(added ?? []);
  }

  /** True for an agent that should be there: not retired, and without a connection. */
  #isMissed(agent: string): boolean {
    const entry = this.#parts.roster.get(agent);
    return entry !== undefined && entry.enrolled && !entry.connected;
  }
}
