import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { nextPlanAt } from "../../../lib/manager/drift/drift_rule.ts";
import { parseManagerConfig } from "../../../lib/manager/state/config.ts";

const NEEDED = 'listen: "127.0.0.1:1"\nadvertise: "127.0.0.1:1"\n';

Deno.test("a rule of drift is read with its defaults", async () => {
  const { drift } = await read('- {agents: "@web", every: 30m}');

  assertEquals(drift, [{
    state: "",
    agents: "@web",
    every: 1_800_000,
    jitter: 0,
    deadline: 600_000,
    do: "plan",
    ignore: [],
  }]);
});

Deno.test("the next plan comes after the interval, or at the times of a crontab in its zone, plus jitter", async () => {
  const { drift = [] } = await read(`
- {agents: a, every: 1m, jitter: 10s}
- {agents: b, cron: "0 3 * * * Europe/Berlin"}
- {agents: c, cron: "30 2 * * 1 UTC", jitter: 1h}`);
  const now = Date.UTC(2026, 6, 1);

  assertEquals(
    drift.map((rule) => new Date(nextPlanAt(rule, now, 0.5)).toISOString()),
    [
      "2026-07-01T00:01:05.000Z",
      "2026-07-01T01:00:00.000Z",
      "2026-07-06T03:00:00.000Z",
    ],
  );
});

for (
  const [what, text, message] of [
    ["no list", "{agents: a, every: 1m}", "it should be a list"],
    ["no agents", "- {every: 1m}", '"drift 1.agents" is missing'],
    ["empty agents", '- {agents: "", every: 1m}', "it should not be empty"],
    ["no times", "- {agents: a}", "either every or cron"],
    [
      "two kinds of times",
      '- {agents: a, every: 1m, cron: "0 3 * * * UTC"}',
      "either every or cron",
    ],
    ["a short interval", "- {agents: a, every: 1s}", "from 10s to 365d"],
    [
      "a crontab without a zone",
      '- {agents: a, cron: "0 3 * * *"}',
      "a time zone",
    ],
    [
      "an unknown zone",
      '- {agents: a, cron: "0 3 * * * Mars/Base"}',
      "a time zone",
    ],
    [
      "a wrong field",
      '- {agents: a, cron: "0 99 * * * UTC"}',
      "a time zone",
    ],
    [
      "a day that never comes",
      '- {agents: a, cron: "0 0 30 2 * UTC"}',
      "it never comes",
    ],
    ["a wrong verb", "- {agents: a, every: 1m, do: heal}", "plan or apply"],
    [
      "an apply without a window",
      "- {agents: a, every: 1m, do: apply}",
      "it should have a window",
    ],
    [
      "a window without an apply",
      "- {agents: a, every: 1m, window: Mon UTC}",
      "it should have no window",
    ],
    [
      "a rule twice",
      "- {agents: a, every: 1m}\n- {agents: a, every: 2m}",
      "the same state and agents twice",
    ],
    [
      "an unknown key",
      "- {agents: a, evry: 1m}",
      '"drift 1.evry" is not a setting; did you mean "every"?',
    ],
  ] as const
) {
  Deno.test(`a rule of drift with ${what} is refused, with its line`, async () => {
    const error = await assertRejects(() => read(text), PiriError, message);

    assertEquals(/line \d+: /.test(error.message), true, error.message);
  });
}

function read(rules: string) {
  const indented = rules.replaceAll(/^/gm, "  ");
  return parseManagerConfig(`${NEEDED}drift:\n${indented}\n`, "config.yaml");
}
