import type { Store } from "../../lib/store/store.ts";

/** A request to a store. */
export type StoreMethod = Exclude<
  keyof Store,
  "managerId" | typeof Symbol.asyncDispose
>;

/** A request that is new has to be put here, too. */
const CHANGES: Readonly<Record<StoreMethod, boolean>> = {
  agents: false,
  agent: false,
  addAgent: true,
  setToken: true,
  enrolAgent: true,
  removeAgent: true,
  admitAgent: true,
  agentLeft: true,
  createCommands: true,
  findRequest: false,
  patchCommand: true,
  command: false,
  commands: false,
  openCommands: false,
  lastCommandId: false,
  appendOutput: true,
  readOutput: false,
  addEvent: true,
  events: false,
  prune: true,
  stats: false,
};

/** Whether a request only asks what a store has. */
export function isRead(method: StoreMethod): boolean {
  return CHANGES[method] === false;
}
