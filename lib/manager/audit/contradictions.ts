import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import type { DataService } from "../data/data_service.ts";
import type { Events } from "../events/events.ts";

/** Shortest time between two events about the same agent, in milliseconds. */
const APART_MS = 60_000;

const Told = v.object({
  count: v.pipe(v.string(), v.regex(/^\d{1,19}$/)),
  at: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15)),
});

const Contradiction = v.object({ kept: Told, told: Told });

/** Adds the request by which agents tell that a checkpoint contradicts one that they keep to a data service. */
export function withContradictions(
  service: DataService,
  { events, clock }: {
    readonly events: Pick<Events, "add">;
    readonly clock: Pick<Clock, "monotonic">;
  },
): DataService {
  /** Monotonic time of the last event about an agent. */
  const told = new Map<string, number>();
  return {
    answer: async (owner, type, params, limits = {}) => {
      if (type !== "audit_contradiction") {
        return await service.answer(owner, type, params, limits);
      }
      const text = contradictionText(owner.id, params);
      const now = clock.monotonic();
      if (now - (told.get(owner.id) ?? -Infinity) >= APART_MS) {
        told.set(owner.id, now);
        events.add("audit_contradicted", text, { agent: owner.id });
      }
      return "";
    },
  };
}

function contradictionText(agent: string, params: string): string {
  const read = v.safeParse(
    v.pipe(v.string(), v.parseJson(), Contradiction),
    params,
  );
  if (!read.success) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      "Cannot take the contradiction: count and time of two checkpoints are not all there",
    );
  }
  const { kept, told } = read.output;
  const of = ({ count, at }: v.InferOutput<typeof Told>) =>
    `${count} entries at ${new Date(at).toISOString()}`;
  return `agent "${agent}" keeps a checkpoint of ${
    of(kept)
  }, and the Manager told it one of ${
    of(told)
  } that contradicts it: "piri-manager audit verify --with-agents" says more`;
}
