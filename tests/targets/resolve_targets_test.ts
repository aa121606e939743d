import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { agent, meant, resolved, worldOf } from "./world.ts";

/** Names with numbers, groups and facts, of which two agents are away. */
const world = worldOf([
  agent("web-1", {
    groups: ["web", "eu"],
    facts: { "os.name": "debian", "cpus": "4", "agent.version": "0.9.1" },
  }),
  agent("web-2", {
    groups: ["web"],
    facts: { "os.name": "Ubuntu", "cpus": "16", "agent.version": "0.10.2" },
    connected: false,
  }),
  agent("web-10", {
    groups: ["web", "new"],
    facts: new Map([["os.name", "debian"], ["cpus", "8"]]),
  }),
  agent("db-01", { groups: ["db", "eu"], facts: { "memory_mb": "16384" } }),
  agent("db-02", {
    groups: ["db"],
    facts: { "memory_mb": "4096" },
    connected: false,
  }),
  agent("rack1-node01"),
  agent("rack1-node02"),
  agent("rack2-node01"),
  agent("all"),
], {
  "failed 17": ["web-2", "db-01"],
  "ok 17": ["web-1"],
  "job 17": ["web-1", "web-2", "db-01", "retired-1"],
  "lost 17": [],
});

function holds(table: readonly (readonly [string, string])[]): void {
  assertEquals(
    table.map(([text]) => [text, meant(world, text)]),
    table.map(([text, names]) => [text, names]),
  );
}

/** The NOT_FOUND of an expression, without the beginning that they all have. */
function notFound(text: string): string {
  const error = assertThrows(() => resolved(world, text), PiriError);
  assertEquals(error.code, "NOT_FOUND");
  const start = `Cannot find the targets "${text}": `;
  assertEquals(error.message.slice(0, start.length), start);
  return error.message.slice(start.length);
}

Deno.test("names, globs, ranges and lists mean the agents of those names, in natural order", () => {
  holds([
    ["web-1", "web-1"],
    ["web-*", "web-1 web-2 web-10"],
    ["web-?", "web-1 web-2"],
    [
      "*",
      "all db-01 db-02 rack1-node01 rack1-node02 rack2-node01 web-1 web-2 web-10",
    ],
    ["web-[1-2,10]", "web-1 web-2 web-10"],
    ["web-[ 1 - 2 , 10 ]", "web-1 web-2 web-10"],
    ["db-[01-02]", "db-01 db-02"],
    ["db-[01,2]", "db-01 db-02"],
    ["web-[2-10/8]", "web-2 web-10"],
    ["rack[1-2]-node[01]", "rack1-node01 rack2-node01"],
    ["rack[1-2]-*[01-02]", "rack1-node01 rack1-node02 rack2-node01"],
    ["web-{1,10}", "web-1 web-10"],
    ["{web-{1,2},db-[01-02]}", "db-01 db-02 web-1 web-2"],
    ["web-1{,0}", "web-1 web-10"],
    ['"all"', "all"],
    ["'web-1'", "web-1"],
  ]);
});

Deno.test("commas bind loosest, then what narrows down from left to right", () => {
  holds([
    ["web-1,db-01", "db-01 web-1"],
    ["web-1 or db-01", "db-01 web-1"],
    ["web-* & @eu", "web-1"],
    ["web-* and @eu", "web-1"],
    ["web-*&@eu", "web-1"],
    ["web-* ! web-2", "web-1 web-10"],
    ["web-* not web-2", "web-1 web-10"],
    ["web-*!web-2", "web-1 web-10"],
    ["web-* & ! @eu", "web-2 web-10"],
    ["web-* and not @eu", "web-2 web-10"],
    ["web-* ! @eu & @new", "web-10"],
    ["web-1, db-* & @eu", "db-01 web-1"],
    ["(web-1, db-*) & @eu", "db-01 web-1"],
    ["web-* ! (web-1, web-2)", "web-10"],
    ["!(web-*, rack*)", "all db-01 db-02"],
    ["not web-* & @eu", "db-01"],
    ["db-02, (!(web-*, rack*, db-*))", "all db-02"],
    ["web-1,web-1", "web-1"],
  ]);
  assertEquals(meant(world, ["web-1", "db-*"]), "db-01 db-02 web-1");
});

Deno.test("groups, sets of jobs and the state of a connection are sets of agents", () => {
  holds([
    ["@eu", "db-01 web-1"],
    ["@away", "db-02 web-2"],
    ["@connected & @web", "web-1 web-10"],
    ["state=away", "db-02 web-2"],
    ["@failed(j-17)", "db-01 web-2"],
    ["@job(j-17) ! @failed(j-17)", "web-1"],
    ["group=web", "web-1 web-2 web-10"],
    ["group=*e*", "db-01 web-1 web-2 web-10"],
    ["group!=web & web-*,group!=db & db-*,db-01", "db-01"],
    ["name=rack?-node01", "rack1-node01 rack2-node01"],
    ["name!=web-*&@eu", "db-01"],
  ]);
});

Deno.test("facts compare as text, numbers, sizes and versions", () => {
  holds([
    ["os.name=debian", "web-1 web-10"],
    ["os.name=DEB*", "web-1 web-10"],
    ["os.name!=debian", "web-2"],
    ["os.name = 'ubuntu'", "web-2"],
    ["cpus>4", "web-2 web-10"],
    ["cpus>=4", "web-1 web-2 web-10"],
    ["cpus<=8 & cpus!=4", "web-10"],
    ["memory_mb>=8000", "db-01"],
    ["memory_mb>=8GiB", "db-01"],
    ["memory_mb<8GiB", "db-02"],
    ["memory_mb=16GiB", "db-01"],
    ["agent.version>0.9", "web-1 web-2"],
    ["agent.version<0.10", "web-1"],
    ["agent.version=0.10.2.0", "web-2"],
  ]);
});

Deno.test("names that are not enrolled are an error with all of them and the nearest names", () => {
  assertEquals(
    notFound("wbe-1"),
    'there is no agent "wbe-1", did you mean "web-1"?',
  );
  assertEquals(
    notFound("web-[1-5],db-1,nosuch"),
    'there are no agents db-1, nosuch, web-[3-5], did you mean "db-01", "web-1"?',
  );
  assertEquals(
    notFound("web-1 & nosuch"),
    'there is no agent "nosuch"',
  );
});

Deno.test("unknown groups and facts are told together with unknown names", () => {
  assertEquals(
    notFound("nosuch, @wbe, os.nmae=debian"),
    'there is no agent "nosuch"; there is no group "wbe", did you mean "web"?; no agent has the fact "os.nmae", did you mean "os.name"?',
  );
  assertEquals(
    notFound("toString=1"),
    'no agent has the fact "toString"',
  );
});

Deno.test("an expression that means nobody is an error that says why", () => {
  assertEquals(
    notFound("web-* & @db"),
    "it means no agent",
  );
  assertEquals(
    notFound("wbe-*"),
    'it means no agent; no name matches "wbe-*"',
  );
  assertEquals(
    notFound("web-.*"),
    'it means no agent; "web-.*" is a glob, in which a dot is a dot, so write "web-*" for any text',
  );
  assertEquals(
    notFound("rack* & cpus>1"),
    'it means no agent; 3 agents have no "cpus" to compare',
  );
  assertThrows(
    () => resolved(worldOf([]), "all"),
    PiriError,
    "there are no enrolled agents",
  );
});

Deno.test("names that are missing are a note if that is allowed, with a reason where there is one", () => {
  const { names, missing } = resolved(
    {
      ...world,
      reasonOf: (name) => name === "old-1" ? "retired" : undefined,
    },
    "web-1,wbe-2,old-1",
    { allowMissing: true },
  );

  assertEquals(names, ["web-1"]);
  assertEquals(missing, [
    { name: "old-1", nearest: undefined, reason: "retired" },
    { name: "wbe-2", nearest: "web-2", reason: undefined },
  ]);
  assertThrows(
    () => resolved({ ...world, reasonOf: () => "retired" }, "old-1,old-2"),
    PiriError,
    'Cannot find the targets "old-1,old-2": old-[1-2] are retired',
  );
});

Deno.test("agents that lack a fact are counted among those that are left", () => {
  const { names, lacking } = resolved(world, "cpus>=4 & web-*, @db & cpus>=1");

  assertEquals(names, ["web-1", "web-2", "web-10"]);
  assertEquals(lacking, [{ fact: "cpus", count: 2 }]);
  assertEquals(resolved(world, "cpus>=4 & @web").lacking, []);
});

Deno.test("globs that nobody matches and names that left since a job are told", () => {
  const { names, unmatched, gone } = resolved(world, "web-*,wbe-*,@job(j-17)");

  assertEquals(names, ["db-01", "web-1", "web-2", "web-10"]);
  assertEquals(unmatched, ["wbe-*"]);
  assertEquals(gone, ["retired-1"]);
});

Deno.test("a range of a hundred thousand names that nobody has is refused with the first of them", () => {
  assertEquals(
    notFound("no-[1-100000]"),
    "there are no agents no-[1-1000] and 99000 more",
  );
});
