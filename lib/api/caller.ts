import {
  type ContextValues,
  createContextKey,
  createContextValues,
} from "@connectrpc/connect";
import { PiriError } from "../base/errors.ts";
import { hasRole } from "../base/role.ts";
import type { Identity, Rights, Sight } from "../manager/api/access_api.ts";
import { CALLS } from "./calls.ts";

/** Sender of a request. */
export type Caller =
  /** Whoever can open the socket has all rights: the owner of the state folder, root, and the group of a shared socket. */
  | { readonly kind: "local" }
  /** Somebody elsewhere without a token that counts. */
  | {
    readonly kind: "stranger";
    readonly from: string;
    /** Kind of the token that it came with, for the audit. */
    readonly credential: string;
  }
  | { readonly kind: "operator"; readonly identity: Identity };

/** Credential of a caller that came without a token. */
export const NO_TOKEN = "none";

/** The socket of this machine. */
export const LOCAL_CALLER: Caller = { kind: "local" };

// A request that nobody says anything about is a stranger's.
const key = createContextKey<Caller>({
  kind: "stranger",
  from: "",
  credential: NO_TOKEN,
});

/** Values of a request with its sender. */
export function valuesOf(
  caller: Caller,
  values: ContextValues = createContextValues(),
): ContextValues {
  return values.set(key, caller);
}

/** Sender of a request. */
export function callerIn(values: ContextValues): Caller {
  return values.get(key);
}

/** Operator of a request; undefined for another caller. */
export function identityIn(values: ContextValues): Identity | undefined {
  const caller = callerIn(values);
  return caller.kind === "operator" ? caller.identity : undefined;
}

/** Address that a request came from; empty for one on this machine. */
export function originIn(values: ContextValues): string {
  const caller = callerIn(values);
  switch (caller.kind) {
    case "local":
      return "";
    case "operator":
      return caller.identity.from;
    case "stranger":
      return caller.from;
  }
}

/**
 * Rights of a caller on agents, as a part of a request: none on this machine, where everything is allowed.
 *
 * @throws {PiriError} AUTH_FAILED for a stranger
 */
export function rightsIn(values: ContextValues): { readonly rights?: Rights } {
  const caller = callerIn(values);
  switch (caller.kind) {
    case "local":
      return {};
    case "operator":
      return { rights: caller.identity };
    case "stranger":
      return refuseStranger();
  }
}

/**
 * Agents that a caller sees; undefined for all.
 *
 * @throws {PiriError} AUTH_FAILED for a stranger
 */
export function sightIn(values: ContextValues): Sight | undefined {
  return rightsIn(values).rights?.sight;
}

/**
 * Refuses a call that its sender may not make, before its body is read.
 *
 * @throws {PiriError} AUTH_FAILED for a stranger; DENIED for another role
 */
export function permit(caller: Caller, call: string): void {
  const row = CALLS[call];
  if (row === undefined) {
    throw new PiriError("DENIED", `Cannot call ${call}: nobody may`);
  }
  if (row.needs === "nothing" || caller.kind === "local") return;
  if (caller.kind === "stranger") return refuseStranger();
  const { name, role } = caller.identity;
  if (hasRole(role, row.needs)) return;
  throw new PiriError(
    "DENIED",
    `Cannot call ${call}: it needs the role "${row.needs}", and "${name}" has "${role}"`,
  );
}

function refuseStranger(): never {
  throw new PiriError(
    "AUTH_FAILED",
    "Cannot answer: there is no token, or it is not known here, or it has expired or was revoked",
  );
}

/** Evidence of an operator, for the audit: its token, and the run of the CI that it was made for. */
export function credentialOf(
  { tokenId, run }: Pick<Identity, "tokenId" | "run">,
): string {
  return [`token ${tokenId}`, run].filter((word) => word !== "").join(", ");
}
