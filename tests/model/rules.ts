import type { Invariant } from "./invariants.ts";

/** A rule of the protocol that can be left out. */
export interface Rule {
  /** The rule in a sentence or two. */
  readonly says: string;
  /** Invariant that breaks first without the rule. */
  readonly breaks: Invariant;
  /** Name of the quick configuration that shows it. */
  readonly where: string;
}

/** The rules, those of the Manager first. docs/protocol.md has them in context. */
export const RULES = {
  "session-grows": {
    says:
      "The Manager admits a hello only if its session is above the last one of the same instance. Others get Bye(STALE).",
    breaks: "B",
    where: "links break",
  },
  "one-connection": {
    says:
      "The Manager writes a command only to the connection that it was recorded for, and only while that is the newest.",
    breaks: "D",
    where: "links break",
  },
  "sent-first": {
    says: "The Manager records a command as sent before its first byte leaves.",
    breaks: "E",
    where: "both are killed",
  },
  "result-first": {
    says: "The Manager records a result before it acknowledges it.",
    breaks: "E",
    where: "both are killed",
  },
  "acknowledge-all": {
    says:
      "The Manager acknowledges every result, also one that it does not record.",
    breaks: "D",
    where: "links break",
  },
  "last-id-counts": {
    says:
      "The Manager says 'never arrived' only of an id above the last_command_id of the hello.",
    breaks: "B",
    where: "the Manager is restored",
  },
  "instance-counts": {
    says:
      "The Manager says 'never arrived' only of a command that was sent to the instance that says hello.",
    breaks: "B",
    where: "a journal is lost",
  },
  "presumptions-give-way": {
    says:
      "A result, or a hello that lists the command, replaces a presumed end.",
    breaks: "E",
    where: "a host is copied",
  },
  "found-is-not-sent": {
    says:
      "The Manager does not send a queued command that it found in its database at its start.",
    breaks: "B",
    where: "the Manager is restored",
  },
  "found-cancel-waits": {
    says:
      "A cancel of a queued command that was found at the start waits for the agent's hello.",
    breaks: "B",
    where: "the Manager is restored",
  },
  "entry-last-id": {
    says:
      "An entry that was found waiting at the start is released only if the agent's last_command_id is not above the highest id that this database knows to be sent to it.",
    breaks: "A",
    where: "jobs, the Manager is restored",
  },
  "entry-instance": {
    says:
      "An entry that was found waiting at the start is released only to the instance that this database knows, if it knows any.",
    breaks: "A",
    where: "jobs, the Manager is restored, a journal is lost",
  },
  "entry-once": {
    says:
      "The Manager records in one transaction that an entry has started, and its command as sent.",
    breaks: "B",
    where: "jobs, both are killed",
  },
  "entry-end-waits": {
    says:
      "Of an entry that was found waiting at the start, the Manager does not say before the agent's hello that it never ran.",
    breaks: "B",
    where: "jobs, the Manager is restored, an entry ends",
  },
  "hello-counts-as-sent": {
    says:
      "With each hello, the agent's last_command_id counts as sent in this database.",
    breaks: "H",
    where: "jobs, the Manager is restored and killed",
  },
  "ids-follow": {
    says: "The Manager's ids go on above every last_command_id that it hears.",
    breaks: "D",
    where: "the Manager is restored, two requests",
  },
  "ids-follow-at-most": {
    says:
      "The Manager turns a hello away if its ids would have to follow by more than 2^32 in one run.",
    breaks: "F",
    where: "ids come from elsewhere",
  },
  "lost-gives-way": {
    says:
      "A command that an agent called LOST goes on if a hello lists it as not finished, or another instance lists it.",
    breaks: "E",
    where: "a host is copied",
  },
  "late-lost": {
    says:
      "A LOST or REFUSED on a replaced connection ends no command that the newest hello lists.",
    breaks: "E",
    where: "a host is copied",
  },
  "journal-first": {
    says: "The agent has a command on its disk before it starts it.",
    breaks: "B",
    where: "both are killed",
  },
  "settle-first": {
    says:
      "The agent settles all commands of its former connection before it dials again.",
    breaks: "B",
    where: "links break",
  },
  "ids-ascend": {
    says:
      "The agent refuses an id that is not above the last one that it accepted.",
    breaks: "A",
    where: "ids come from elsewhere",
  },
  "ids-ascend-at-most": {
    says:
      "The agent refuses an id that is more than 2^48 above the last one that it accepted.",
    breaks: "F",
    where: "ids come from elsewhere",
  },
  "nonce": {
    says:
      "The agent and the Manager tell two commands of the same id apart by their nonces.",
    breaks: "C",
    where: "the Manager is restored, two requests",
  },
  "new-journal-new-instance": {
    says: "A journal that was lost begins as another instance.",
    breaks: "B",
    where: "a journal is lost",
  },
  "standstill-drops": {
    says:
      "An agent that has stood still for longer than the ping timeout drops its connection with all that it has not read.",
    breaks: "G",
    where: "an agent stands still",
  },
  "hold": {
    says:
      "A command that is accepted and has not begun when its connection ends waits for the next ServerHello.",
    breaks: "G",
    where: "an agent stands still",
  },
  "hello-cancels": {
    says:
      "An accepted command that ServerHello names as cancelled never begins.",
    breaks: "G",
    where: "an agent stands still",
  },
  "stale-new-instance": {
    says: "An agent that is told Bye(STALE) goes on as another instance.",
    breaks: "E",
    where: "a host is copied",
  },
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof RULES;

// Object.keys loses the type of the keys.
export const RULE_NAMES = Object.keys(RULES) as readonly RuleName[];

/** The rules of a search. */
export type Rules = ReadonlySet<RuleName>;
