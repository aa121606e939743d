/** User who asks for something. */
export interface Asker {
  /** User by evidence, or LOCAL without any; empty for a caller that has no users. */
  readonly requestedBy: string;
  /** Name that the client gave itself; empty if it gave none. */
  readonly saidBy: string;
  /** Kind of the evidence; that of the socket if absent. */
  readonly credential?: string;
  /** Place that the request came from; this machine if absent. */
  readonly origin?: string;
}

/** Stands for a user of this machine who proved nothing. */
export const LOCAL = "local";

/** Evidence of the socket: only users who may open it can ask. */
export const SOCKET = "socket";

/** Caller that has no users. */
export const NOBODY: Asker = { requestedBy: "", saidBy: "" };

/** Asker for people: a name that the client only gave itself is marked as such. */
export function askerText(
  { requestedBy, saidBy = "" }: Partial<Asker> & Pick<Asker, "requestedBy">,
): string {
  if (saidBy === "" || isKnownAs(requestedBy, saidBy)) return requestedBy;
  return `${requestedBy} (says "${saidBy}")`;
}

/** Asker for people, "an operator" if nothing is known. */
export function operatorText(asker: Parameters<typeof askerText>[0]): string {
  return askerText(asker) || "an operator";
}

/** True if the evidence names the same user, also as "root (sudo: anna)". */
function isKnownAs(requestedBy: string, saidBy: string): boolean {
  return requestedBy === saidBy || requestedBy.startsWith(`${saidBy} (`) ||
    requestedBy.endsWith(`: ${saidBy})`);
}
