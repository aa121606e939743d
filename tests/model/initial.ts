import type { Bounds } from "./bounds.ts";
import type { Agent, Manager, State } from "./state.ts";

/** The first state: both sides run, and no agent has dialled. */
export function initial(bounds: Bounds): State {
  const none = Array.from({ length: bounds.requests }, () => 0);
  return {
    manager: MANAGER,
    agents: [AGENT],
    connections: [],
    dials: 0,
    instances: AGENT.instance,
    requests: 0,
    cancels: 0,
    stops: 0,
    isSetBack: false,
    faults: bounds.faults,
    truth: {
      effects: none,
      denied: none,
      forgotten: none,
      excused: none,
      stopped: none,
      barred: none,
      begunBarred: none,
      setBack: none,
      needless: none,
    },
  };
}

const MANAGER: Manager = {
  isUp: true,
  database: {
    commands: [],
    entries: [],
    lastId: 0,
    lastSent: 0,
    instance: 0,
    session: 0,
  },
  current: 0,
  writes: [],
  found: [],
  foundEntries: [],
  newest: 0,
  listed: [],
  jumped: 0,
  backup: undefined,
};

const AGENT: Agent = {
  isUp: true,
  link: 0,
  isReady: false,
  accepting: [],
  journal: [],
  lastId: 0,
  session: 0,
  instance: 1,
  wasStale: false,
};
