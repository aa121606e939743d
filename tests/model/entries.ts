import type { Model } from "./bounds.ts";
import { note, sendDown, withDatabase, withManager } from "./changes.ts";
import { crashed } from "./manager.ts";
import type { Rules } from "./rules.ts";
import type { Command, JobEntry, State, Step, Upward } from "./state.ts";

/** Next steps of entries of jobs. Models lib/manager/job. */
export function entrySteps(state: State, model: Model): Step[] {
  if (!state.manager.isUp) return [];
  return [
    ...requested(state, model),
    ...released(state, model),
    ...ends(state, model),
  ];
}

/** Makes a request as an entry, which has no command yet. */
function requested(state: State, { bounds }: Model): Step[] {
  const nonce = state.requests;
  if (nonce === bounds.requests || !bounds.entries.includes(nonce)) return [];
  const { entries } = state.manager.database;
  const asked = { ...state, requests: nonce + 1 };
  return [{
    what: `the operator makes request ${nonce}, an entry of a job`,
    state: withDatabase(
      state.isSetBack ? note(asked, "setBack", nonce) : asked,
      { entries: [...entries, { nonce, state: "waiting" }] },
    ),
  }];
}

/** Releases an entry to the agent: makes its command and records it as sent. It may wait as long as it likes. */
function released(state: State, { rules }: Model): Step[] {
  const { current, database, writes } = state.manager;
  if (current === 0) return [];
  const mayCrash = state.faults.managerCrashes > 0;
  return unfound(state).flatMap((entry): Step[] => {
    const id = database.lastId + 1;
    const { nonce } = entry;
    const command: Command = {
      id,
      nonce,
      state: "sent",
      instance: database.instance,
      told: -1,
      isUnwanted: false,
    };
    const sent = withDatabase(state, {
      commands: [...database.commands, command],
      lastId: id,
      lastSent: id,
    });
    const what =
      `the Manager releases the entry of request ${nonce} as command ${id}`;
    const steps = [{
      what,
      state: withManager(withEntry(sent, entry, "started"), {
        writes: [...writes, { id, link: current, isNew: true }],
      }),
    }];
    if (!rules.has("entry-once") && mayCrash) {
      steps.push({
        what:
          `${what}, writes it to C${current}, and is killed before it records that the entry has started`,
        state: crashed(
          sendDown(sent, current, { kind: "command", id, nonce }),
        ),
      });
    }
    return steps;
  });
}

/** Ends an entry without a command: it is cancelled, expires, or is skipped. */
function ends(state: State, { bounds, rules }: Model): Step[] {
  if (state.cancels === bounds.cancels) return [];
  const ended = { ...state, cancels: state.cancels + 1 };
  const { foundEntries, database } = state.manager;
  return waiting(database.entries).map((entry) => {
    const isUnsure = rules.has("entry-end-waits") &&
      foundEntries.includes(entry.nonce);
    const what = `the entry of request ${entry.nonce} ends without a command`;
    return isUnsure
      ? {
        what: `${what}, and may have run`,
        state: withEntry(ended, entry, "may have run"),
      }
      : {
        what: `${what}, so it never ran`,
        state: note(withEntry(ended, entry, "skipped"), "denied", entry.nonce),
      };
  });
}

/** Decides by a hello on entries that were found waiting at the start: they wait on, or may have run. */
export function decideFound(
  state: State,
  hello: Upward & { readonly kind: "hello" },
  rules: Rules,
): { state: State; said: string } {
  const { foundEntries, database } = state.manager;
  // Before its first hello, no instance of an agent is known.
  const isKnown = hello.instance === database.instance ||
    database.instance === 0;
  const isCurrent = (isKnown || !rules.has("entry-instance")) &&
    (hello.lastId <= database.lastSent || !rules.has("entry-last-id"));
  const decided = withManager(state, { foundEntries: [] });
  if (isCurrent) return { state: decided, said: "" };
  let said = "";
  const lost = waiting(database.entries)
    .filter(({ nonce }) => foundEntries.includes(nonce))
    .reduce((all, entry) => {
      said += `, the entry of request ${entry.nonce} may have run`;
      const isNeedless = isKnown && state.truth.setBack[entry.nonce] === 0;
      const given = withEntry(all, entry, "may have run");
      return isNeedless ? note(given, "needless", entry.nonce) : given;
    }, decided);
  return { state: lost, said };
}

function unfound({ manager: { database, foundEntries } }: State): JobEntry[] {
  return waiting(database.entries)
    .filter(({ nonce }) => !foundEntries.includes(nonce));
}

function waiting(entries: readonly JobEntry[]): JobEntry[] {
  return entries.filter(({ state }) => state === "waiting");
}

function withEntry(
  state: State,
  { nonce }: JobEntry,
  changed: JobEntry["state"],
): State {
  const entries = state.manager.database.entries
    .map((each) => each.nonce === nonce ? { ...each, state: changed } : each);
  return withDatabase(state, { entries });
}
