import { globMatches } from "../../base/glob.ts";
import { messageOf } from "../../base/errors.ts";
import { planIn } from "../../base/plan_name.ts";
import { sameHash } from "../../base/secret.ts";
import {
  decodeSignedWork,
  differenceTo,
  isSignatureOf,
  MAX_SIGNATURES,
  meansAgent,
  type SignedStatement,
  type SignedWork,
} from "../../base/signed_work.ts";
import type { Policy } from "./policy.ts";
import type { Signers } from "./policy_schema.ts";
import { standsFor } from "./stands_for.ts";

/** A statement that is good here, and is used up by the command that it comes with. */
export interface UsedStatement {
  readonly id: string;
  /** Time until which it must not be used again, in milliseconds since 1970. */
  readonly until: number;
}

/** Signatures of a command, as far as the policy needs them. */
export type SignatureVerdict =
  | { readonly refusal: string; readonly rule: string }
  /** Undefined if none are needed. */
  | { readonly used: UsedStatement | undefined };

/** Signatures that an operation needs, and the rule that says so, counted from 1; 0 for none. */
export function neededSignatures(
  { require }: Pick<Policy, "require">,
  operation: string,
): { readonly signatures: number; readonly rule: number } {
  let most = { signatures: 0, rule: 0 };
  const names = [operation, ...standsFor(operation).map(({ name }) => name)];
  require.forEach(({ do: patterns, signatures }, index) => {
    const isAbout = patterns.some((each) =>
      names.some((name) => globMatches(each, name))
    );
    if (isAbout && signatures > most.signatures) {
      most = { signatures, rule: index + 1 };
    }
  });
  return most;
}

/** Checks the signatures of a command, all but whether its statement was used before. */
export function checkSignatures(
  policy: Pick<Policy, "require" | "signers">,
  asked: {
    readonly operation: string;
    readonly params: string;
    readonly survive?: boolean | undefined;
    readonly signed?: SignedStatement | undefined;
  },
  { name, now }: { readonly name: string; readonly now: number },
): SignatureVerdict {
  const { operation, signed } = asked;
  const { signatures: needed, rule } = neededSignatures(policy, operation);
  if (needed === 0) return { used: undefined };
  const refused = (why: string): SignatureVerdict => ({
    refusal: `Cannot run ${operation} here: ${why}`,
    rule: `require ${rule}`,
  });
  if (planIn(operation, asked.params) !== undefined) {
    return refused(
      "this agent's policy requires signatures, and they say nothing of what is in a plan; sign a sheet",
    );
  }
  if (signed === undefined || signed.statement.length === 0) {
    return refused(
      `this agent's policy requires ${
        countText(needed)
      }, and it has none (piri-manager run --sign${
        needed === 1 ? "" : ` --signatures ${needed}`
      })`,
    );
  }
  let work: SignedWork;
  try {
    work = decodeSignedWork(signed.statement);
  } catch (error) {
    return refused(
      `its statement cannot be used: ${
        messageOf(error).replace(/^Cannot [^:]*: /, "")
      }`,
    );
  }
  const why = whyNotWork(work, asked, { name, now }) ??
    whyNotSigned(signed, policy.signers, needed);
  return why === undefined
    ? { used: { id: work.id, until: work.notAfter } }
    : refused(why);
}

function whyNotWork(
  work: SignedWork,
  asked: Parameters<typeof differenceTo>[1],
  { name, now }: { readonly name: string; readonly now: number },
): string | undefined {
  if (!meansAgent(work, name)) {
    return `its statement is not for "${name}", as this host is called in its agent.yaml`;
  }
  const difference = differenceTo(work, asked);
  if (difference === "operation") {
    return `its statement is for ${work.operation.slice(0, SHOWN)}`;
  }
  if (difference === "parameters") {
    return "its statement has other parameters";
  }
  if (difference === "survival") {
    return work.survive
      ? "its statement is for a program that outlives the agent"
      : "its statement does not let the program outlive the agent";
  }
  if (now < work.notBefore) {
    return `its statement is good from ${
      timeText(work.notBefore)
    } on, and here it is ${timeText(now)}`;
  }
  if (now > work.notAfter) {
    return `its statement was good until ${
      timeText(work.notAfter)
    }, and here it is ${timeText(now)}`;
  }
  return undefined;
}

const SHOWN = 100;

function whyNotSigned(
  { statement, signatures }: SignedStatement,
  signers: Signers,
  needed: number,
): string | undefined {
  if (signatures.length > MAX_SIGNATURES) {
    return `it has ${signatures.length} signatures, and the limit is ${MAX_SIGNATURES}`;
  }
  const by = new Set<string>();
  const faults: string[] = [];
  for (const each of signatures) {
    const signer = Object.entries(signers)
      .find(([, key]) => sameHash(key, each.publicKey))?.[0];
    if (signer === undefined) {
      faults.push("a signature is by a key that this agent's policy lacks");
    } else if (!isSignatureOf(each, statement)) {
      faults.push(`the signature of "${signer}" is wrong`);
    } else if (by.has(signer)) {
      faults.push(`"${signer}" signed it twice, which counts once`);
    } else by.add(signer);
  }
  if (by.size >= needed) return undefined;
  return [
    `this agent's policy requires ${countText(needed)}, and it has ${by.size}`,
    ...faults,
  ].join("; ");
}

function countText(count: number): string {
  return count === 1 ? "1 signature" : `${count} signatures`;
}

function timeText(time: number): string {
  return new Date(time).toISOString();
}
