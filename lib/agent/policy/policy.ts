import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";
import { codeOf, messageOf } from "../../base/errors.ts";
import { readPrivateFile } from "../../base/files.ts";
import { parseSettings } from "../../base/settings.ts";
import { sha256 as hashOf } from "../../base/sha256.ts";
import {
  type Most,
  PolicySchema,
  type RequireRule,
  type Signers,
} from "./policy_schema.ts";
import type { AllowRule, DenyRule } from "./rule_schema.ts";

/** File with the policy, in the agent's state folder. */
export const POLICY_FILE = "policy.yaml";

/** Kinds of policies: everything, what rules allow, or operations that only look. */
export type PolicyMode = "all" | "rules" | "observe";

/** Bounds that the host's owner sets for all Managers: policy.yaml, described in docs/policy.md. */
export interface Policy {
  readonly mode: PolicyMode;
  /** Rules of which one must fit; none are needed if absent. */
  readonly allow?: readonly AllowRule[] | undefined;
  /** Rules of which none may fit. */
  readonly deny: readonly DenyRule[];
  readonly most: Most;
  /** Keys of those who may sign, by their names. */
  readonly signers: Signers;
  /** Operations that need signatures. */
  readonly require: readonly RequireRule[];
}

/** Policy as it was found on the disk. */
export interface FoundPolicy {
  /** Undefined if the file is wrong: then nothing is allowed. */
  readonly policy: Policy | undefined;
  /** SHA-256 of the file in hex digits; empty without a file. */
  readonly sha256: string;
  /** Error of a file that is wrong; empty if all is well. */
  readonly error: string;
}

/** Policy of a host without a file: everything is allowed. */
export const NO_POLICY: FoundPolicy = {
  policy: { mode: "all", deny: [], most: {}, signers: {}, require: [] },
  sha256: "",
  error: "",
};

/** Reads policy.yaml of a state folder. Never rejects: a file that cannot be used allows nothing. */
export async function readPolicy(dir: string): Promise<FoundPolicy> {
  const path = join(dir, POLICY_FILE);
  let sha256 = "";
  try {
    const text = await readPrivateFile(path);
    sha256 = encodeHex(hashOf(text));
    return { policy: await parsePolicy(text, path), sha256, error: "" };
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return NO_POLICY;
    return { policy: undefined, sha256, error: messageOf(error) };
  }
}

/**
 * Reads the text of a policy.
 *
 * @throws {PiriError} INVALID_ARGUMENT with file, line and what to do
 */
export function parsePolicy(text: string, path: string): Promise<Policy> {
  return parseSettings(text, path, PolicySchema);
}
