import { approvalName } from "../../base/approval_name.ts";
import { PiriError } from "../../base/errors.ts";
import { hasRole } from "../../base/role.ts";
import type {
  ApprovalRecord,
  ApprovalRequest,
} from "../../store/approval_records.ts";
import type { Rights } from "../api/access_api.ts";
import type { Decider } from "../api/approval_api.ts";

/** Parts of an approval that tell who asked. */
type Asked = Pick<ApprovalRecord, "id" | "requestedBy" | "tokenId">;

/** Work that is decided on. */
export interface Decided {
  readonly request: Pick<ApprovalRequest, "operation" | "params">;
  /** Names of the agents. */
  readonly agents: readonly string[];
}

/** Somebody by name and token; no token for users of the Manager's machine. */
interface Party {
  readonly name: string;
  readonly tokenId: number | null;
}

/** Somebody who asks, as a party. */
export function partyOf({ identity, requestedBy }: Decider): Party {
  return {
    name: identity?.name ?? requestedBy,
    tokenId: identity?.tokenId ?? null,
  };
}

/**
 * True if both are the same party: one operator by whatever tokens, or users of the Manager's machine. Whoever can open
 * its socket can be any of these users.
 */
export function isSameParty(one: Party, other: Party): boolean {
  return one.tokenId === null || other.tokenId === null
    ? one.tokenId === other.tokenId
    : one.name === other.name;
}

/** Party that asked for a job. */
export function askingParty({ requestedBy, tokenId }: Asked): Party {
  return { name: requestedBy, tokenId };
}

/**
 * Refuses a decision by who asked.
 *
 * @throws {PiriError} DENIED
 */
export function requireOther(
  approval: Asked,
  decider: Decider,
  attempt: string,
): void {
  if (!isSameParty(askingParty(approval), partyOf(decider))) return;
  const fact = decider.identity === undefined
    ? "it was asked for on the Manager's machine, so an operator with a login must decide"
    : `"${decider.identity.name}" asked for it, and somebody else must decide`;
  throw new PiriError(
    "DENIED",
    `Cannot ${attempt} ${approvalName(approval.id)}: ${fact}`,
  );
}

/**
 * Refuses a decision by somebody who may not do it either: an operator who is no admin, and has no rule that allows it.
 *
 * @throws {PiriError} DENIED
 */
export function requireRight(
  { request, agents }: Decided,
  rights: Pick<Rights, "check" | "role"> | undefined,
  attempt: string,
): void {
  if (rights === undefined || hasRole(rights.role, "admin")) return;
  if (!hasRole(rights.role, "operator")) {
    throw new PiriError(
      "DENIED",
      `Cannot ${attempt}: its role is "${rights.role}"`,
    );
  }
  rights.check(request, agents);
}
