import { encodeHex } from "@std/encoding/hex";
import type {
  SignedWorkInit,
  StartJobRequestInit,
  TargetSelectionInit,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import {
  encodeSignedWork,
  MAX_SIGNED_MS,
  signerText,
} from "../../base/signed_work.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { formatName } from "../../targets/format_targets.ts";
import { isReservedName } from "../../targets/reserved_names.ts";
import type { Flags } from "../command.ts";
import { HintedError } from "../errors.ts";
import type { Output } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { readOperatorKey } from "./operator_key.ts";
import type { Control } from "./services.ts";

const HOUR_MS = 3_600_000;

/** Time by which clocks of hosts may be behind, in milliseconds. */
const SKEW_MS = 300_000;

/** Flags by which a job is signed. */
export const SIGN_FLAGS = {
  sign: {
    type: "boolean",
    summary:
      "sign the job with your key, for hosts whose policy requires it (piri-manager key)",
  },
  "sign-with": {
    type: "string",
    value: "FILE",
    summary: "as --sign, with the key in this file",
  },
  signatures: {
    type: "number",
    needs: ["sign", "sign-with"],
    value: "COUNT",
    summary:
      "with --sign: wait until so many people have signed (piri-manager sign)",
    least: 1,
    most: 16,
  },
  "sign-for": {
    type: "duration",
    needs: ["sign", "sign-with"],
    value: "TIME",
    summary:
      "with --sign: time in which hosts may begin it, at most 24h; 1h by default, and 1h more than --queue",
    most: MAX_SIGNED_MS - SKEW_MS,
  },
} as const satisfies Flags;

/** Values of SIGN_FLAGS. */
export interface SignFlagValues {
  readonly sign: boolean;
  readonly "sign-with": string | undefined;
  readonly signatures: number | undefined;
  readonly "sign-for": number | undefined;
  readonly queue?: number | undefined;
}

/** Part of a request that is signed. */
type Request = Pick<
  StartJobRequestInit,
  "operation" | "params" | "survive"
>;
type Selection = TargetSelectionInit;

/** Targets and what was signed of them, for a request. */
export interface SignedPart {
  readonly targets: Selection;
  readonly signed?: SignedWorkInit;
}

/**
 * Refuses flags that need `--sign`.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkSignFlags(flags: SignFlagValues): void {
  if (signs(flags)) return;
  const stray = (["signatures", "sign-for"] as const)
    .find((name) => flags[name] !== undefined);
  if (stray === undefined) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--${stray}" without "--sign"`,
  );
}

/**
 * Signs a request if the flags ask for it. Names and globs are signed as they were typed; what other expressions mean is
 * asked of the Manager, and told.
 *
 * @throws {PiriError} NOT_FOUND without a key; INVALID_ARGUMENT if it is too large to sign
 */
export async function signedPart(
  flags: SignFlagValues,
  { targets, operation = "", params = "{}", survive = false }: Request & {
    readonly targets: Selection;
  },
  { connect, terminal, output }: {
    readonly connect: () => Promise<Control>;
    readonly terminal: Terminal;
    readonly output: Output;
  },
): Promise<SignedPart> {
  if (!signs(flags)) return { targets };
  const { key } = await readOperatorKey(terminal, flags["sign-with"]);
  const { selection, names } = await namesOf(targets, connect);
  const now = terminal.clock.now();
  const usual = Math.min(
    (flags.queue ?? 0) + HOUR_MS,
    MAX_SIGNED_MS - SKEW_MS,
  );
  const notAfter = now + (flags["sign-for"] ?? usual);
  const statement = encoded({
    id: encodeHex(terminal.random.bytes(16)),
    operation,
    params: JSON.parse(params),
    targets: names,
    ...survive ? { survive } : {},
    notBefore: now - SKEW_MS,
    notAfter,
  });
  if (selection !== targets) {
    await output.note(
      `signed for ${foldNames(names)}, as the Manager names the targets`,
    );
  }
  return {
    targets: selection,
    signed: {
      statement: new TextDecoder().decode(statement),
      signatures: [{
        key: signerText(key.publicKey),
        signature: key.sign(statement),
      }],
      needed: flags.signatures ?? 1,
    },
  };
}

function signs(flags: SignFlagValues): boolean {
  return flags.sign || flags["sign-with"] !== undefined;
}

/** Names or globs to sign, and a selection that means no other agents. */
async function namesOf(
  targets: Selection,
  connect: () => Promise<Control>,
): Promise<{ readonly selection: Selection; readonly names: string[] }> {
  const { expressions = [], exclude = [], limit } = targets;
  const isPlain = exclude.length === 0 && limit?.case === undefined &&
    expressions.every((each) => plainName(each) !== undefined);
  if (isPlain) {
    const names = expressions.map((each) => plainName(each) ?? each);
    return { selection: targets, names };
  }
  using control = await connect();
  const found = await control.agents.resolveTargets({ selection: targets });
  const names = found.targets.map(({ name }) => name);
  return { selection: { expressions: names.map(formatName) }, names };
}

/** A name or glob as a statement has it; undefined for any other expression. */
function plainName(expression: string): string | undefined {
  if (expression === "all") return "*";
  return /^[A-Za-z0-9._*-]+$/.test(expression) && !isReservedName(expression)
    ? expression
    : undefined;
}

function encoded(
  work: Parameters<typeof encodeSignedWork>[0],
): Uint8Array<ArrayBuffer> {
  try {
    return encodeSignedWork(work);
  } catch (error) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      messageOf(error),
      "name many agents by a glob, as 'web-*', and give a large input by --stdin FILE",
      { cause: error },
    );
  }
}
