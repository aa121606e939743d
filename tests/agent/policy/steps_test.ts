import { assertEquals } from "@std/assert";
import { parsePolicy } from "../../../lib/agent/policy/policy.ts";
import { PolicyGate } from "../../../lib/agent/policy/policy_gate.ts";
import { unlimitedBy } from "../../../lib/agent/policy/unlimited.ts";
import { TWO_SIGNATURES } from "../../support/signed_work.ts";

const ignore = Deno.build.os === "windows";
const SHEET = {
  format: 1,
  state: "",
  steps: [{
    name: "Site",
    operation: "file.Installed",
    params: { path: "/srv/site", content: "x" },
    if: { kind: "cmd", line: "true", codes: [0] },
  }],
};
const BLOB = "a".repeat(64);

/** Policy by which programs must be signed, and states need not. */
const SIGNED_PROGRAMS = TWO_SIGNATURES.replace('"*"', "command.Run");
/** Policy by which files must be signed, so that states must be, too. */
const SIGNED_FILES = TWO_SIGNATURES.replace('"*"', "file.Put");

/** Decision about a state in a few words. */
async function judged(
  text: string,
  operation: string,
  sheet: unknown = SHEET,
): Promise<string> {
  const policy = await parsePolicy(text, "policy.yaml");
  const gate = new PolicyGate({ policy, sha256: "", error: "" });
  const params = JSON.stringify({ sheet });
  const { refusal, bounds } = await gate.judge({ operation, params }, 0);
  if (refusal !== undefined) return "refused";
  return `runs, programs: ${bounds?.programs ?? true}, ${
    JSON.stringify(bounds?.allow ?? "all")
  }`;
}

Deno.test({
  name:
    "a policy judges the paths of a state, and lets its steps run programs only without rules",
  ignore,
  fn: async () => {
    const site = "mode: rules\nallow:\n - { do: state.*, path: /srv/** }";
    const cases: [string, string, unknown?][] = [
      ["mode: all", "state.Apply"],
      ["mode: all\ndeny:\n - { do: command.Run }", "state.Apply"],
      ["mode: all\ndeny:\n - { do: 'file.*', path: /etc }", "state.Apply"],
      ["mode: all\ndeny:\n - { do: 'state.*', path: /srv }", "state.Apply"],
      ["mode: all\ndeny:\n - { do: file.* }", "state.Apply"],
      ["mode: all\ndeny:\n - { do: user.* }", "state.Apply"],
      ["mode: all\ndeny:\n - { do: cron.Job }", "state.Apply"],
      [TWO_SIGNATURES.replace('"*"', "systemd.Unit"), "state.Apply"],
      ["mode: all\ndeny:\n - { do: file.Put, path: /srv }", "state.Apply"],
      [SIGNED_FILES, "state.Apply"],
      [SIGNED_PROGRAMS, "state.Apply"],
      ["mode: observe", "state.Plan"],
      ["mode: observe", "state.Apply"],
      [site, "state.Apply"],
      [site, "state.Apply", BLOB],
      [site.replace("/srv", "/etc"), "state.Apply"],
    ];

    assertEquals(
      await Promise.all(
        cases.map(([text, operation, sheet]) => judged(text, operation, sheet)),
      ),
      [
        'runs, programs: true, "all"',
        'runs, programs: false, "all"',
        'runs, programs: true, "all"',
        "refused",
        "refused",
        "refused",
        "refused",
        "refused",
        "refused",
        "refused",
        // Others must sign programs, and nobody has signed these.
        'runs, programs: false, "all"',
        'runs, programs: false, "all"',
        "refused",
        'runs, programs: false, ["/srv/**"]',
        // Its paths are not known before it is fetched.
        "refused",
        "refused",
      ],
    );
  },
});

Deno.test("a policy that lets a state write every file is unlimited", async () => {
  const policy = await parsePolicy(
    "mode: rules\nallow:\n - { do: state.Apply }",
    "policy.yaml",
  );

  assertEquals(unlimitedBy(policy), [
    "allow 1: it allows to write every file",
  ]);
});

Deno.test("a policy that requires signatures refuses a plan, of which they say nothing", async () => {
  const policy = await parsePolicy(TWO_SIGNATURES, "policy.yaml");
  const gate = new PolicyGate({ policy, sha256: "", error: "" });
  const { refusal } = await gate.judge({
    operation: "state.Apply",
    params: '{"plan":"p-1"}',
  }, 0);

  assertEquals(
    refusal,
    "Cannot run state.Apply here: this agent's policy requires signatures, and they say nothing of what is in a plan; sign a sheet",
  );
});
