import { assertEquals } from "@std/assert";
import type { TargetAgent } from "../../lib/targets/agent_index.ts";
import { agentTest } from "../../lib/targets/agent_test.ts";
import { parseTargets } from "../../lib/targets/parse_targets.ts";
import { matchingAgents } from "../../lib/targets/resolve_targets.ts";

const AGENTS: readonly TargetAgent[] = [
  ["web-1", ["web", "blue"], { "os.name": "debian", mem: "8GiB" }, true],
  ["web-2", ["web"], { "os.name": "ubuntu", mem: "2GiB" }, false],
  ["web-10", ["web", "old"], {}, true],
  ["db-1", ["db"], { "os.name": "debian", mem: "64GiB", tier: "prod" }, true],
  ["alone", [], { tier: "test" }, false],
].map(([name, groups, facts, connected]) =>
  ({ name, groups, facts, connected }) as TargetAgent
);

for (
  const text of [
    ...["all", "web-1", "web-1,db-1", "nobody", "web-*", "*-1", "web-?"],
    ...["web-[1-2]", "web-[01-10]", "web-*,db-*", "@web", "@nobody"],
    ...["@web & @blue", "@web ! @blue", "all ! @web", "not @web"],
    ...["@connected", "@away", "@web & @connected", "@web ! @away"],
    ...["os.name=debian", "os.name=deb*", "os.name!=debian", "mem>=8GiB"],
    ...["mem<8GiB", "tier=prod", "@web ! os.name=debian", "not tier=prod"],
    ...["group=web", "group!=web", "group=b*", "group!=b*", "name=web-1"],
    ...["state=away", "(@web,@db) & mem>4GiB", "(@web ! web-1),alone"],
    ...["@db or @web and @old", "@web and not (@blue or @old)"],
  ]
) {
  Deno.test(`one agent after the other is meant by "${text}" as all are at once`, () => {
    const expression = parseTargets([text]);
    const test = agentTest(expression);

    const names = (agents: readonly TargetAgent[]) =>
      agents.map(({ name }) => name);
    assertEquals(
      names(AGENTS.filter(test)),
      names(
        matchingAgents(expression, { agents: AGENTS, sets: () => new Set() }),
      ),
    );
  });
}
