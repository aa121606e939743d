import { join } from "@std/path";
import { ownFilesOf } from "./agent/policy/own_files.ts";
import { POLICY_FILE, readPolicy } from "./agent/policy/policy.ts";
import { type Edition, PolicyGate } from "./agent/policy/policy_gate.ts";
import { unlimitedBy } from "./agent/policy/unlimited.ts";
import type { Clock } from "./base/clock.ts";
import { messageOf, PiriError } from "./base/errors.ts";
import { ownerOf } from "./base/file_disk.ts";
import type { PolicyServices } from "./cli/agent/services.ts";

/** The policy of a host for its command line. */
export function policyServices(
  { clock, edition }: { readonly clock: Clock; readonly edition: Edition },
): PolicyServices {
  return {
    async check(dir) {
      const { policy, sha256, error } = await readPolicy(dir);
      return {
        path: join(dir, POLICY_FILE),
        mode: policy?.mode ?? "none",
        edition,
        sha256,
        error,
        rules: (policy?.allow?.length ?? 0) + (policy?.deny.length ?? 0),
        signers: Object.keys(policy?.signers ?? {}),
        require: policy?.require ?? [],
        unlimitedBy: policy === undefined || edition === "observe"
          ? []
          : unlimitedBy(policy),
      };
    },

    async test(dir, asked) {
      const gate = new PolicyGate(await readPolicy(dir), {
        edition,
        own: ownFilesOf(dir),
      });
      const decision = await gate.judgeUnsigned(asked, clock.now());
      const { rule, refusal = "" } = decision;
      return { rule, refusal, signatures: gate.signaturesFor(asked.operation) };
    },

    async reload(dir) {
      const { error } = await readPolicy(dir);
      if (error !== "") throw new PiriError("INVALID_ARGUMENT", error);
      const pid = await ownerOf(join(dir, "journal"));
      if (pid === undefined) {
        throw new PiriError(
          "FAILED_PRECONDITION",
          `Cannot reload the policy: no agent runs with "${dir}"; it reads the policy at its start`,
        );
      }
      askToReload(pid);
      return pid;
    },
  };
}

/** Sends SIGHUP, unless that would end the process. */
function askToReload(pid: number): void {
  if (Deno.build.os === "windows") {
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot reload the policy: Windows has no signal for that; restart the agent",
    );
  }
  if (isAtTerminal(pid)) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot reload the policy: the agent, process ${pid}, runs at a terminal, where the signal would stop it; start it again`,
    );
  }
  try {
    Deno.kill(pid, "SIGHUP");
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new PiriError(
        "UNSUPPORTED",
        `Cannot reload the policy: this program may send no signals; run kill -HUP ${pid}`,
        { cause: error },
      );
    }
    throw new PiriError(
      "DENIED",
      `Cannot reload the policy: ${
        messageOf(error)
      }; ask as the user that runs the agent, process ${pid}`,
      { cause: error },
    );
  }
}

function isAtTerminal(pid: number): boolean {
  try {
    return /^\/dev\/(?:pts\/|tty)/.test(Deno.readLinkSync(`/proc/${pid}/fd/0`));
  } catch {
    return false;
  }
}
