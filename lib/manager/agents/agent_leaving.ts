import type { Store } from "../../store/store.ts";
import type { DataService } from "../data/data_service.ts";
import type { Events } from "../events/events.ts";

/** Adds the request by which agents tell that their host leaves the fleet to a data service. They are retired by it. */
export function withLeaving(
  service: DataService,
  { store, events }: {
    readonly store: Pick<Store, "setAgents">;
    readonly events: Pick<Events, "add">;
  },
): DataService {
  return {
    answer: async (owner, type, params, limits = {}) => {
      if (type !== "leave") {
        return await service.answer(owner, type, params, limits);
      }
      const { id } = owner;
      const changed = await store.setAgents([id], {
        addGroups: [],
        removeGroups: [],
        setFacts: {},
        removeFacts: [],
        retired: true,
      });
      if (changed.length > 0) {
        events.add(
          "agent_set",
          `${id}: retired, because it was uninstalled on its host`,
          { agent: id },
        );
      }
      return "";
    },
  };
}
