import type { Store } from "../../lib/store/store.ts";

/** Request to a store. */
export type StoreMethod = Exclude<
  keyof Store,
  "managerId" | typeof Symbol.asyncDispose
>;

/** True for requests that change the store. Each new request must be added here. */
const CHANGES: Readonly<Record<StoreMethod, boolean>> = {
  agents: false,
  agent: false,
  addAgent: true,
  setToken: true,
  enrolAgent: true,
  removeAgent: true,
  removedAt: false,
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
  dropOutput: true,
  readOutput: false,
  addEvent: true,
  rewordEvent: true,
  eventsAbout: false,
  eventHistory: false,
  prune: true,
  stats: false,
};

/** True if a request changes the store. */
export function isWrite(method: StoreMethod): boolean {
  return CHANGES[method] === true;
}

/** True if a request only reads. */
export function isRead(method: StoreMethod): boolean {
  return CHANGES[method] === false;
}
