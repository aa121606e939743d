import type {
  Agent,
  Command,
  CommandState,
  Connection,
  Database,
  Downward,
  Manager,
  State,
  Truth,
  Upward,
} from "./state.ts";

/** Finds an open connection by its number. */
export function connectionOf(
  state: State,
  number: number,
): Connection | undefined {
  return state.connections.find((each) => each.number === number);
}

/** Changes a connection. A connection that both sides have closed is removed. */
export function withConnection(
  state: State,
  number: number,
  change: Partial<Connection>,
): State {
  const connections = state.connections
    .map((each) => each.number === number ? { ...each, ...change } : each)
    .filter(({ isOpen, manager }) => isOpen || manager !== "closed");
  return { ...state, connections };
}

/** Sends a message to the Manager, unless its side is closed. */
export function sendUp(state: State, number: number, message: Upward): State {
  const connection = connectionOf(state, number);
  if (connection === undefined || connection.manager === "closed") return state;
  return withConnection(state, number, { up: [...connection.up, message] });
}

/** Sends a message to the agent, unless its side is closed. */
export function sendDown(
  state: State,
  number: number,
  message: Downward,
): State {
  const connection = connectionOf(state, number);
  if (connection === undefined || !connection.isOpen) return state;
  return withConnection(state, number, { down: [...connection.down, message] });
}

/** Changes the Manager. */
export function withManager(state: State, change: Partial<Manager>): State {
  return { ...state, manager: { ...state.manager, ...change } };
}

/** Changes the Manager's database. */
export function withDatabase(state: State, change: Partial<Database>): State {
  const database = { ...state.manager.database, ...change };
  return withManager(state, { database });
}

/** Changes a command in the database. */
export function withCommand(
  state: State,
  id: number,
  change: Partial<Command>,
): State {
  const commands = state.manager.database.commands
    .map((each) => each.id === id ? { ...each, ...change } : each);
  return withDatabase(state, { commands });
}

/** Changes an agent. */
export function withAgent(
  state: State,
  index: number,
  change: Partial<Agent>,
): State {
  const agents = state.agents
    .map((each, at) => at === index ? { ...each, ...change } : each);
  return { ...state, agents };
}

/** Notes a fact about the request with this nonce. */
export function note(state: State, fact: keyof Truth, nonce: number): State {
  // A command from elsewhere belongs to no request.
  if (nonce < 0) return state;
  const counts = state.truth[fact];
  // Larger counts are just as bad, and would only add states.
  const most = fact === "effects" ? 2 : 1;
  const changed = counts.map((count, at) =>
    at === nonce ? Math.min(count + 1, most) : count
  );
  return { ...state, truth: { ...state.truth, [fact]: changed } };
}

/** Finds a command in the database. */
export function commandOf(state: State, id: number): Command | undefined {
  return state.manager.database.commands.find((each) => each.id === id);
}

/** Ends a command, and notes the promise that this makes to the operator. */
export function ended(
  state: State,
  { id, nonce }: Command,
  change: Pick<Command, "state"> & Partial<Command>,
): State {
  const changed = withCommand(state, id, change);
  return DENIALS.has(change.state) ? note(changed, "denied", nonce) : changed;
}

/** Ends that promise the operator that the command has no effect. */
const DENIALS: ReadonlySet<CommandState> = new Set([
  "never arrived",
  "cancelled",
  "refused",
  "too far",
]);
