import type {
  Agent,
  CommandState,
  Connection,
  Database,
  Downward,
  Entry,
  JobEntryState,
  Stage,
  State,
  Upward,
} from "./state.ts";

const STAGES: readonly Stage[] = [
  "accepted",
  "held",
  "running",
  "finished",
  "cancelled",
  "lost",
  "refused",
];

const STATES: readonly CommandState[] = [
  "queued",
  "sent",
  "running",
  "succeeded",
  "cancelled",
  "never arrived",
  "may have run",
  "given up",
  "lost",
  "refused",
  "too far",
];

const ENTRY_STATES: readonly JobEntryState[] = [
  "waiting",
  "started",
  "skipped",
  "may have run",
];

const KINDS = [
  "hello",
  "result",
  "end",
  "welcome",
  "command",
  "cancel",
  "ack",
  "bye",
] as const;

const WORDS = [
  "finished",
  "cancelled",
  "lost",
  "refused",
  "too far",
] as const;
const CODES = ["stale", "replaced", "protocol error"] as const;
const SIDES = ["greeting", "ready", "leaving", "closed"] as const;

/** Encodes a state as a short string, equal for equal states only. Every number in the state is below 255. */
export function encode(state: State): string {
  const out: number[] = [];
  const { manager, faults, truth } = state;
  out.push(state.dials, state.instances, state.requests, state.cancels);
  out.push(state.stops, faults.standstills);
  out.push(faults.managerCrashes, faults.restores, faults.agentCrashes);
  out.push(faults.journalLosses, faults.cuts, faults.copies, faults.strays);
  out.push(...truth.effects, ...truth.denied);
  out.push(...truth.forgotten, ...truth.excused);
  out.push(...truth.stopped, ...truth.barred, ...truth.begunBarred);
  out.push(...truth.setBack, ...truth.needless);
  out.push((manager.isUp ? 1 : 0) + (state.isSetBack ? 2 : 0));
  out.push(manager.current);
  out.push(manager.newest, manager.jumped);
  list(out, manager.found);
  list(out, manager.foundEntries);
  list(out, manager.listed);
  out.push(manager.writes.length);
  for (const { id, link, isNew } of manager.writes) {
    out.push(id, link, isNew ? 1 : 0);
  }
  database(out, manager.database);
  if (manager.backup === undefined) out.push(0);
  else {
    out.push(1);
    database(out, manager.backup);
  }
  out.push(state.agents.length);
  for (const each of state.agents) agent(out, each);
  for (const each of state.connections) connection(out, each);
  return String.fromCharCode(...out);
}

function database(
  out: number[],
  { commands, entries, ...rest }: Database,
): void {
  out.push(rest.lastId, rest.lastSent, rest.instance, rest.session);
  out.push(entries.length);
  for (const { nonce, state } of entries) {
    out.push(nonce, ENTRY_STATES.indexOf(state));
  }
  out.push(commands.length);
  for (const { id, nonce, state, instance, told, isUnwanted } of commands) {
    out.push(id, nonce, STATES.indexOf(state), instance, told + 1);
    out.push(isUnwanted ? 1 : 0);
  }
}

function agent(out: number[], each: Agent): void {
  const flags = (each.isUp ? 1 : 0) + (each.isReady ? 2 : 0) +
    (each.wasStale ? 4 : 0);
  out.push(flags, each.link, each.lastId, each.session, each.instance);
  out.push(each.accepting.length);
  for (const { id, nonce, link } of each.accepting) {
    out.push(id, nonce + 1, link);
  }
  entries(out, each.journal);
}

function connection(out: number[], each: Connection): void {
  out.push(each.number, each.agent, each.isOpen ? 1 : 0);
  out.push(SIDES.indexOf(each.manager));
  list(out, each.unknownIds);
  out.push(each.up.length);
  for (const message of each.up) upward(out, message);
  out.push(each.down.length);
  for (const message of each.down) downward(out, message);
}

function upward(out: number[], message: Upward): void {
  out.push(KINDS.indexOf(message.kind));
  switch (message.kind) {
    case "hello":
      out.push(message.lastId, message.session, message.instance);
      return entries(out, message.listed);
    case "result":
      out.push(message.id, message.nonce + 1, WORDS.indexOf(message.status));
      return;
    case "end":
      return;
  }
}

function downward(out: number[], message: Downward): void {
  out.push(KINDS.indexOf(message.kind));
  switch (message.kind) {
    case "welcome":
      list(out, message.cancelled);
      list(out, message.ended);
      return;
    case "command":
      out.push(message.id, message.nonce + 1);
      return;
    case "cancel":
    case "ack":
      out.push(message.id);
      return;
    case "bye":
      out.push(CODES.indexOf(message.code));
      return;
  }
}

function entries(out: number[], journal: readonly Entry[]): void {
  out.push(journal.length);
  for (const { id, nonce, stage } of journal) {
    out.push(id, nonce + 1, STAGES.indexOf(stage));
  }
}

function list(out: number[], numbers: readonly number[]): void {
  out.push(numbers.length, ...numbers);
}
