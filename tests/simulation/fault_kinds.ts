/** Everything that can go wrong. A seed chooses some of it. */
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
] as const;

/** Something that can go wrong. */
export type FaultKind = typeof FAULT_KINDS[number];

/** How likely each is to be chosen, for those that are not even. */
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

/** The messages at which something may be made to happen. */
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
