import { assertEquals, assertMatch } from "@std/assert";
import {
  allBelow,
  anyBelow,
  factAnswer,
  factsOfHost,
  isOfHost,
  keptAnswer,
} from "../../lib/base/fact_questions.ts";

const FACTS = {
  os: "linux",
  "os.version": "12",
  "os.name": "debian",
  "osx.name": "none",
};

Deno.test("a fact is asked for by its name, and null is the answer if it is not told", () => {
  assertEquals(factAnswer(FACTS, "os"), '"linux"');
  assertEquals(factAnswer(FACTS, "arch"), "null");
  assertEquals(factAnswer(FACTS, "constructor"), "null");
});

Deno.test("facts below a name are told in the order of their names, without what only begins as it does", () => {
  assertEquals(
    factAnswer(FACTS, allBelow("os")),
    '[["name","debian"],["version","12"]]',
  );
  assertEquals(factAnswer(FACTS, allBelow("os.name")), "[]");
  assertEquals(JSON.parse(factAnswer(FACTS, allBelow(""))).length, 4);
});

Deno.test("a question if there are facts below a name is answered without their values", () => {
  assertEquals(factAnswer(FACTS, anyBelow("os")), "true");
  assertEquals(factAnswer(FACTS, anyBelow("arch")), "false");
  assertEquals(factAnswer({}, anyBelow("")), "false");
});

Deno.test("a long answer is kept by its hash, which differs with it", () => {
  const kept = keptAnswer({ a: "x".repeat(2_000) }, "a");
  assertMatch(kept, /^{"sha256":"[0-9a-f]{64}"}$/);
  assertEquals(kept === keptAnswer({ a: "y".repeat(2_000) }, "a"), false);
  assertEquals(keptAnswer(FACTS, "os"), '"linux"');
});

Deno.test("facts that only a hello or the Manager tells are none of the host's", () => {
  const others = [
    "operations",
    "agent.version",
    "policy.mode",
    allBelow("policy"),
    "installation.kind",
    anyBelow("installation"),
  ];
  assertEquals(others.filter(isOfHost), []);
  const own = ["os", "agent.site", "policies", "operations.x", allBelow("")];
  assertEquals(own.filter(isOfHost), own);
  assertEquals(
    factsOfHost({ ...FACTS, "policy.mode": "enforce", operations: "a" }),
    FACTS,
  );
});
