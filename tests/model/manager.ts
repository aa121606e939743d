import { admits } from "./admission.ts";
import type { Model } from "./bounds.ts";
import {
  commandOf,
  connectionOf,
  ended,
  note,
  sendDown,
  withConnection,
  withManager,
} from "./changes.ts";
import {
  type Command,
  type Connection,
  isOpenState,
  isPresumed,
  type ResultStatus,
  type State,
  type Step,
  type Upward,
  type Write,
} from "./state.ts";

type Result = Upward & { readonly kind: "result" };

/** Next steps of the Manager, from what is recorded or has arrived. Models lib/manager. */
export function managerSteps(state: State, model: Model): Step[] {
  if (!state.manager.isUp) return [];
  return [
    ...writes(state, model),
    ...state.connections.flatMap((connection) =>
      reads(state, connection, model)
    ),
  ];
}

/** Models lib/manager/command/dispatcher.ts: recorded commands leave, in order within a connection. */
function writes(state: State, { rules }: Model): Step[] {
  const { writes, current } = state.manager;
  const first = writes.filter((each) =>
    writes.find(({ link }) => link === each.link) === each
  );
  return first.flatMap((each): Step[] => {
    const left = withManager(state, {
      writes: writes.filter((other) => other !== each),
    });
    if (rules.has("one-connection")) {
      return [written(left, each, each.link === current ? current : 0)];
    }
    return [...new Set([each.link, current])]
      .map((link) => written(left, each, link));
  });
}

function written(state: State, { id, link: bound }: Write, link: number): Step {
  const command = commandOf(state, id);
  if (command?.state !== "sent") {
    return {
      what: `the Manager does not write Command ${id}: it has ended`,
      state,
    };
  }
  if (link === 0) {
    return {
      what:
        `the Manager does not write Command ${id}: C${bound} has ended, so it never arrived`,
      state: ended(state, command, { state: "never arrived" }),
    };
  }
  const { nonce } = command;
  return {
    what: `the Manager writes Command ${id} of request ${nonce} to C${link}`,
    state: sendCancel(
      sendDown(state, link, { kind: "command", id, nonce }),
      command,
      link,
    ),
  };
}

/** Sends a recorded cancel after its command. */
function sendCancel(
  state: State,
  { id, isUnwanted }: Command,
  link: number,
): State {
  return isUnwanted ? sendDown(state, link, { kind: "cancel", id }) : state;
}

/** Reads the first message that waits on a connection. */
function reads(state: State, connection: Connection, model: Model): Step[] {
  const { number, manager } = connection;
  const [message, ...up] = connection.up;
  if (message === undefined || manager === "closed") return [];
  const read = withConnection(state, number, { up });
  switch (message.kind) {
    case "hello":
      return [admits(read, { connection, hello: message, model })];
    case "result":
      return readsResult(read, { connection, result: message, model });
    case "end":
      return [{
        what: `the Manager sees the end of C${number}`,
        state: withManager(
          withConnection(read, number, { manager: "closed", up: [] }),
          state.manager.current === number ? { current: 0 } : {},
        ),
      }];
  }
}

/** Models lib/manager/command/recorder.ts: `result`. */
function readsResult(
  state: State,
  { connection, result, model: { rules } }: {
    connection: Connection;
    result: Result;
    model: Model;
  },
): Step[] {
  const { number, manager, unknownIds } = connection;
  const { id, status } = result;
  const what =
    `the Manager reads on C${number} that command ${id} is ${status}`;
  const command = unknownIds.includes(id) ? undefined : commandOf(state, id);
  const takes = command !== undefined &&
    (isOpenState(command.state) ||
      isPresumed(command.state) && rules.has("presumptions-give-way"));
  const isLate = rules.has("late-lost") &&
    isContradicting(state, number, result);
  const acknowledge = (state: State) =>
    manager === "ready" ? sendDown(state, number, { kind: "ack", id }) : state;
  if (!takes || isLate) {
    return [{
      what: `${what}: ignored`,
      state: rules.has("acknowledge-all") ? acknowledge(state) : state,
    }];
  }
  const recorded = record(state, command, { connection, result });
  const steps = [{ what: `${what}: recorded`, state: acknowledge(recorded) }];
  if (!rules.has("result-first") && state.faults.managerCrashes > 0) {
    steps.push({
      what: `${what}, acknowledges it, and is killed before it records it`,
      state: crashed(acknowledge(state)),
    });
  }
  return steps;
}

/** Models lib/manager/command/disputed_results.ts. */
function isContradicting(
  { manager: { newest, listed } }: State,
  number: number,
  { id, status }: Result,
): boolean {
  return status !== "finished" && newest !== number && listed.includes(id);
}

const STATE_OF = {
  "finished": "succeeded",
  "cancelled": "cancelled",
  "lost": "lost",
  "refused": "refused",
  "too far": "too far",
} as const satisfies Record<ResultStatus, Command["state"]>;

function record(
  state: State,
  command: Command,
  { connection, result }: { connection: Connection; result: Result },
): State {
  const { status, nonce: told } = result;
  const recorded = ended(state, command, { state: STATE_OF[status], told });
  return isLimit(state, connection, result)
    ? note(recorded, "excused", command.nonce)
    : recorded;
}

/**
 * True for a known limit (docs/reliability.md): the copy is newest and says REFUSED, which ends a command of the other
 * agent.
 */
function isLimit(
  state: State,
  { agent: teller }: Connection,
  { status, nonce }: Result,
): boolean {
  const other = state.agents.find((_, index) => index !== teller);
  const newest = connectionOf(state, state.manager.newest)?.agent ?? teller;
  return status === "refused" && newest === teller &&
    other?.journal.some((each) => each.nonce === nonce) === true;
}

/** Ends the Manager's process and closes its side of all connections. Messages that it wrote are still on their way. */
export function down(state: State): State {
  const closed = state.connections.reduce(
    (each, { number }) =>
      withConnection(each, number, { manager: "closed", up: [] }),
    state,
  );
  return withManager(closed, {
    isUp: false,
    current: 0,
    writes: [],
    found: [],
    foundEntries: [],
    newest: 0,
    listed: [],
    jumped: 0,
  });
}

/** Kills the Manager. */
export function crashed(state: State): State {
  const { faults } = state;
  return {
    ...down(state),
    faults: { ...faults, managerCrashes: faults.managerCrashes - 1 },
  };
}

/** Models lib/manager/commands.ts: `load`. All commands that have not ended are found, and all entries that wait. */
export function started(state: State): State {
  const found = state.manager.database.commands
    .filter(({ state }) => isOpenState(state))
    .map(({ id }) => id);
  const foundEntries = state.manager.database.entries
    .filter(({ state }) => state === "waiting")
    .map(({ nonce }) => nonce);
  return withManager(state, { isUp: true, found, foundEntries });
}
