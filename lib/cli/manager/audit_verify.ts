import type {
  AuditFinding,
  AuditWord,
  VerifyAuditResponse,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { verdictJson } from "./audit_json.ts";
import { answered } from "./ids.ts";
import type { Control, ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { TARGET_HELP, typedTargets, withTargetHint } from "./target_flags.ts";

/** `audit verify`: checks the chain, what is signed of it, and with agents also what they know of it. */
export const verifyAudit = defineSubcommand({
  name: "verify",
  summary: "check that no entry was changed, removed or added",
  positionals: {
    target: {
      type: "any",
      summary: "target expressions of the agents to ask (default: all)",
    },
  },
  flags: {
    "with-agents": {
      type: "boolean",
      summary:
        "ask agents for the checkpoints that they keep, and for the commands that they took: a job of agent.Audit",
    },
  },
  more: [TARGET_HELP],
  examples: ["", "--with-agents", "--with-agents '@web' --json"],
  async execute(
    { positionals, flags, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    const asks = flags["with-agents"];
    if (!asks && positionals.target.length > 0) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        "Cannot verify the audit: agents are named, and --with-agents is not given",
      );
    }
    using control = await services.connect(dir);
    const { verdict, words } = asks
      ? await askedOf(control, {
        expressions: positionals.target,
        requestedBy: userOf(terminal),
      })
      : { verdict: await control.audit.verifyAudit({}), words: undefined };
    if (json) await output.value(verdictJson(verdict, words));
    else await tell(verdict, words ?? [], output);
    const isWhole = verdict.finding === undefined &&
      verdict.findings.length === 0;
    return isWhole ? ExitCode.ok : ExitCode.failed;
  },
});

async function askedOf(
  control: Control,
  { expressions, requestedBy }: {
    readonly expressions: readonly string[];
    readonly requestedBy: string;
  },
): Promise<{ verdict: VerifyAuditResponse; words: AuditWord[] }> {
  const targets = typedTargets(
    expressions.length === 0 ? ["all"] : expressions,
  );
  const { verdict, words } = await withTargetHint(
    control.audit.verifyWithAgents({ targets, requestedBy }),
    targets,
  );
  return { verdict: answered(verdict, "verify the audit"), words };
}

async function tell(
  { count, finding, findings, stub, newest }: VerifyAuditResponse,
  words: readonly AuditWord[],
  output: Output,
): Promise<void> {
  const entries = count === 1n ? "1 entry" : `${count} entries`;
  if (finding === undefined) {
    await output.line(`${entries}, the chain is whole`);
  } else {
    await output.line(
      `The chain is broken at entry ${finding.id}: ${finding.message}`,
    );
    await output.line(`Before it: ${entries}, whole`);
  }
  if (stub !== undefined) {
    await output.line(
      `Entries 1 to ${stub.count} were pruned at ${output.time(stub.atMs)}`,
    );
  }
  if (newest !== undefined) {
    await output.line(
      `The newest checkpoint is of ${newest.count} entries, signed at ${
        output.time(newest.atMs)
      }`,
    );
  }
  await tellWords(words, output);
  const others = findings.filter((each) => !isOfChain(each, finding));
  for (const { kind, message } of others) {
    await output.line(`${kind}: ${message}`);
  }
}

async function tellWords(
  words: readonly AuditWord[],
  output: Output,
): Promise<void> {
  if (words.length === 0) return;
  const answered = words.filter(({ error }) => error === "");
  const sum = (of: (word: AuditWord) => number) =>
    answered.reduce((total, word) => total + of(word), 0);
  await output.line(
    `${answered.length} of ${countText(words.length, "agent")} answered, with ${
      countText(sum(({ witnesses }) => witnesses), "checkpoint")
    } and ${countText(sum(({ commands }) => commands), "command")}`,
  );
  const tooOld = sum((word) => word.tooOld);
  if (tooOld > 0) {
    await output.note(
      `${countText(tooOld, "command")} of agents ${
        tooOld === 1 ? "is" : "are"
      } from before the history that is kept, and cannot be compared`,
    );
  }
  const unknown = answered.filter((word) => word.unknown > 0);
  if (unknown.length > 0) {
    await output.note(
      `${
        foldNames(unknown.map(({ agent }) => agent))
      }: some checkpoints are signed by keys that this Manager does not know`,
    );
  }
  const reasons = Map.groupBy(
    words.filter(({ error }) => error !== ""),
    ({ error }) => error,
  );
  for (const [reason, silent] of reasons) {
    const names = foldNames(silent.map(({ agent }) => agent));
    await output.note(`${names}: no answer, ${reason}`);
  }
}

function isOfChain(
  { id, kind, agents }: AuditFinding,
  finding: AuditFinding | undefined,
): boolean {
  return id === finding?.id && kind === finding.kind && agents.length === 0;
}

function countText(count: number, word: string): string {
  return count === 1 ? `1 ${word}` : `${count} ${word}s`;
}
