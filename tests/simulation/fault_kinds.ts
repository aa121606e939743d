/** All kinds of faults. A seed chooses some of them. */
export const FAULT_KINDS = [
  "cut",
  "halfOpen",
  "stall",
  "slow",
  "partition",
  "killAgent",
  "stopAgent",
  "powerOff",
  "killManager",
  "stopManager",
  "managerPowerOff",
  "backup",
  "restore",
  "wipe",
  "rollBack",
  "clone",
  "move",
  "slowDisk",
  "failingDisk",
  "fullDisk",
  "slowStore",
  "failingStore",
  "clockJump",
  "trap",
  "lateHello",
  "lateOutput",
  "lateLost",
  "backupOfQueued",
  "leave",
  "standStill",
] as const;

/** Kind of fault. */
export type FaultKind = typeof FAULT_KINDS[number];

/** Probability of a kind, where it differs from the usual one. */
export const FAULT_CHANCE: Readonly<Partial<Record<FaultKind, number>>> = {
  trap: 0.7,
  cut: 0.8,
  killAgent: 0.6,
  killManager: 0.6,
  leave: 0.1,
  wipe: 0.2,
  rollBack: 0.2,
  clone: 0.15,
  move: 0.25,
  lateLost: 0.15,
  failingDisk: 0.3,
  failingStore: 0.2,
  backupOfQueued: 0.15,
  fullDisk: 0.3,
};

/** Kinds of messages at which a fault can be made to happen. */
export const TRAPPED_KINDS = [
  "clientHello",
  "serverHello",
  "command",
  "command",
  "command",
  "cancel",
  "progress",
  "commandOutput",
  "result",
  "result",
  "commandAck",
] as const;
