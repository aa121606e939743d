import type { Interceptor } from "@connectrpc/connect";
import { PiriError } from "../base/errors.ts";
import type { Denial } from "../manager/api/audit_api.ts";
import { type Caller, callerIn, credentialOf } from "./caller.ts";

/** Parts of a refusal by rules, or of one that does not tell its reason. */
type Refusal = Partial<{
  readonly rule: string;
  readonly operation: string;
  readonly agents: readonly string[];
  /** Whole reason of an error that says less, for the audit alone. */
  readonly deniedAs: string;
}>;

/** Entry for the audit, if an error refused something to a caller; undefined for another error. */
export function denialOf(
  error: unknown,
  caller: Caller,
  act: string,
): Denial | undefined {
  if (!(error instanceof PiriError) || caller.kind === "local") {
    return undefined;
  }
  const refusal: Refusal = error as Refusal;
  const { rule = "", operation = "", agents = [], deniedAs } = refusal;
  const isDenied = error.code === "DENIED" || error.code === "AUTH_FAILED";
  if (!isDenied && deniedAs === undefined) return undefined;
  return {
    ...askerOf(caller),
    act: `${act[0]?.toUpperCase()}${act.slice(1)}`,
    on: agents,
    operation,
    rule,
    reason: deniedAs ?? error.message,
  };
}

/** Tells refusals of services. Those before a service are told by whoever refuses. */
export function denialInterceptor(
  tell: (denial: Denial, caller: Caller) => void,
): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      const caller = callerIn(request.contextValues);
      const denial = denialOf(error, caller, request.method.name);
      if (denial !== undefined) tell(denial, caller);
      throw error;
    }
  };
}

function askerOf(
  caller: Exclude<Caller, { kind: "local" }>,
): Pick<Denial, "who" | "credential" | "origin"> {
  if (caller.kind === "stranger") {
    const { credential, from } = caller;
    return { who: "", credential, origin: from };
  }
  const { name, from } = caller.identity;
  return { who: name, credential: credentialOf(caller.identity), origin: from };
}
