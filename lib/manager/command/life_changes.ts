import type { Fields, LifeEvents, Subject } from "./life_events.ts";

/** Binds it to the connection that it is sent over. */
export function bind(
  _: Subject,
  { instance, session, at }: LifeEvents["sent"],
): Fields {
  return { state: "sent", instance, session, sentAt: at };
}

/** Notes the first word of it: now it runs, whatever was presumed. */
export function begin(
  { record }: Subject,
  { at }: LifeEvents["heard"],
): Fields {
  return {
    state: "running",
    ...NO_END,
    ...record.presumed ? NO_HASHES : {},
    startedAt: record.startedAt ?? at,
  };
}

/** Ends it for good, as its result tells. */
export function conclude(
  _: Subject,
  { outcome }: LifeEvents["result"],
): Fields {
  const { state, ...fields } = outcome;
  return { state, presumed: false, ...fields };
}

/** Notes who asked for its end. Somebody who asks again may shorten the grace, and does not become the one who ended it. */
export function askToCancel(
  { record, cancelIsRecorded }: Subject,
  { by, saidBy = "", graceMs, at }: LifeEvents["cancelled"],
): Fields {
  const { cancelRequestedAt, cancelRequestedBy, cancelSaidBy, cancelGraceMs } =
    record;
  const first = cancelRequestedAt === null
    ? { cancelRequestedAt: at, cancelRequestedBy: by, cancelSaidBy: saidBy }
    : { cancelRequestedAt, cancelRequestedBy, cancelSaidBy };
  return {
    ...cancelIsRecorded ? {} : first,
    cancelGraceMs: Math.min(graceMs, cancelGraceMs ?? Infinity),
  };
}

/** Ends it at once: no byte of it has left. */
export function cancelUnsent(
  subject: Subject,
  event: LifeEvents["cancelled"],
): Fields {
  return {
    ...askToCancel(subject, event),
    state: "cancelled",
    reason: "cancelled before it was sent",
    finishedAt: event.at,
  };
}

/** Ends it: no byte of it has left, and none may. */
export function refuseUnsent(
  _: Subject,
  { reason, at }: LifeEvents["denied"],
): Fields {
  return { state: "refused", errorCode: "DENIED", reason, finishedAt: at };
}

/** Takes over what the agent has, although the Manager may not know that it was sent. */
export function adopt(
  { record }: Subject,
  { instance, at }: LifeEvents["listedAccepted"],
): Fields {
  return {
    state: "sent",
    instance: record.instance ?? instance,
    sentAt: record.sentAt ?? at,
  };
}

/** Takes over what the agent has and has begun. */
export function adoptBegun(
  subject: Subject,
  event: LifeEvents["listedBegun"],
): Fields {
  return {
    ...adopt(subject, event),
    state: "running",
    startedAt: subject.record.startedAt ?? event.at,
  };
}

/** Takes back an end that was only presumed. A command that was given up must not begin any more. */
export function reopen(
  subject: Subject,
  event: LifeEvents["listedAccepted"],
): Fields {
  const { givenUpAt, givenUpBy, givenUpSaidBy, cancelRequestedAt } =
    subject.record;
  const unwanted = givenUpAt !== null && cancelRequestedAt === null
    ? {
      cancelRequestedAt: givenUpAt,
      cancelRequestedBy: givenUpBy,
      cancelSaidBy: givenUpSaidBy,
    }
    : {};
  return { ...adopt(subject, event), ...NO_END, ...NO_HASHES, ...unwanted };
}

/** Takes back an end that was only presumed, of a command that has begun. */
export function reopenBegun(
  subject: Subject,
  event: LifeEvents["listedBegun"],
): Fields {
  return { ...adoptBegun(subject, event), ...NO_END, ...NO_HASHES };
}

/** Takes back the end that a LOST result told. */
export function dispute(
  subject: Subject,
  event: LifeEvents["listedAccepted"],
): Fields {
  return { ...adopt(subject, event), ...UNTOLD, ...NO_END };
}

/** Takes back the end that a LOST result told, of a command that has begun. */
export function disputeBegun(
  subject: Subject,
  event: LifeEvents["listedBegun"],
): Fields {
  return { ...adoptBegun(subject, event), ...UNTOLD, ...NO_END };
}

/** Presumes it lost: the agent may have run and forgotten it. */
export function presumeForgotten(_: Subject, { at }: { at: number }): Fields {
  return lost("it may have run: the agent does not know it any more", at);
}

/** Presumes that it never arrived: it is lost, or cancelled if that was asked for. */
export function presumeNeverArrived(
  subject: Subject,
  { at }: { at: number },
): Fields {
  return withoutEffect(subject, "it never arrived at the agent", at);
}

/** Certain, and yet a presumption in the record: so a result that says otherwise is not ignored. */
export function presumeNeverWritten(
  subject: Subject,
  { at }: { at: number },
): Fields {
  return withoutEffect(
    subject,
    "it never arrived at the agent: the connection ended first",
    at,
  );
}

/** Presumes it lost with the connection of an agent that cannot resume. */
export function presumeDisconnected(
  _: Subject,
  { why, at }: LifeEvents["disconnected"],
): Fields {
  return lost(`it may have run: the agent's connection ended${why}`, at);
}

/** Presumes it lost: an operator waits no longer. */
export function presumeGivenUp(
  _: Subject,
  { by, saidBy = "", at }: LifeEvents["givenUp"],
): Fields {
  return {
    ...lost("given up by the operator", at),
    givenUpAt: at,
    givenUpBy: by,
    givenUpSaidBy: saidBy,
  };
}

/** Presumes it lost: its agent was removed before it was sent. */
export function presumeUnsent(_: Subject, { at }: { at: number }): Fields {
  return lost("it was not sent: the agent was removed", at);
}

/** Presumes it lost: its agent was removed. */
export function presumeRemoved(_: Subject, { at }: { at: number }): Fields {
  return lost("it may have run: the agent was removed", at);
}

/** Presumes it timed out. */
export function presumeTimedOut(_: Subject, { at }: { at: number }): Fields {
  return {
    state: "timed_out",
    presumed: true,
    reason: "the agent did not answer in time",
    finishedAt: at,
  };
}

/** End of a command that had no effect: what the operator asked for, if it was a cancel. */
function withoutEffect(
  { cancelIsRecorded }: Subject,
  reason: string,
  at: number,
): Fields {
  return {
    ...lost(reason, at),
    ...cancelIsRecorded ? { state: "cancelled" } : {},
  };
}

function lost(reason: string, at: number): Fields {
  return { state: "lost", presumed: true, reason, finishedAt: at };
}

const NO_END: Fields = { presumed: false, reason: "", finishedAt: null };

/** Hashes of output that is not at its end after all. */
const NO_HASHES: Fields = {
  stdoutSha256: null,
  stderrSha256: null,
  hashOfKept: false,
};

/** Fields of a LOST result, taken back. */
const UNTOLD: Fields = {
  ...NO_HASHES,
  masked: 0,
  errorCode: "",
  agentStartedAt: null,
  agentFinishedAt: null,
  reapedSignalled: null,
  reapedAlive: [],
};
