import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { groupsOf } from "../../../lib/manager/plans/plan_groups.ts";
import type { PlanAgentRecord } from "../../../lib/store/plan_records.ts";

/** Agents with the texts of their only change, each grouped with those that have the same one. */
function grouped(
  agents: readonly { agent: string; ownWords: string[]; to: string }[],
): (readonly string[])[] {
  const texts = agents.map(({ to }) =>
    JSON.stringify([{
      name: "File",
      operation: "file.Installed",
      verdict: "change",
      changes: [{ what: "content", from: "", to }],
    }])
  );
  const records = agents.map(({ agent, ownWords, to }) =>
    ({ agent, ownWords, changes: to }) as unknown as PlanAgentRecord
  );
  const byHash = new Map(
    agents.map(({ to }, index) => [to, texts[index]] as const),
  );
  return groupsOf(records, (hash) => byHash.get(hash))
    .map(({ agents }) => agents);
}

const host = (agent: string, to: string, ...more: string[]) => ({
  agent,
  ownWords: [agent, ...more].toSorted((one, other) =>
    other.length - one.length
  ),
  to,
});

Deno.test("hosts whose changes differ in their own names and addresses are one group", () => {
  assertEquals(
    grouped([
      host("web-1", "listen 10.0.0.1:80 # web-1.example.org", "10.0.0.1"),
      host("web-2", "listen 10.0.0.2:80 # web-2.example.org", "10.0.0.2"),
      host("web-3", "listen 10.0.0.2:80 # web-3.example.org", "10.0.0.3"),
    ]),
    [["web-1", "web-2"], ["web-3"]],
  );
});

Deno.test("the longest own word at a place counts, and a part of another word is none", () => {
  assertEquals(
    grouped([
      host("web-1", "a web-1.example.org z", "web-1.example.org"),
      host("web-2", "a web-2.example.org z", "web-2.example.org"),
      // Without a name of the whole host, its first part stands alone.
      host("web-3", "a web-3.example.org z"),
      host("web-4", "web-44 xweb-4 web-4x web-4_ web-4-b éweb-4 web-4é"),
      host("web-5", "web-55 xweb-5 web-5x web-5_ web-5-b éweb-5 web-5é"),
    ]),
    [["web-1", "web-2"], ["web-3"], ["web-4"], ["web-5"]],
  );
});

Deno.test("hosts with one text are apart if it names one of them", () => {
  assertEquals(
    grouped([
      host("web-1", "peer web-2"),
      host("web-2", "peer web-2"),
      host("web-3", "peer web-2"),
    ]),
    [["web-1", "web-3"], ["web-2"]],
  );
});

Deno.test("own words are found as one expression for them all would find them", () => {
  const word = fc.string({
    unit: fc.constantFrom("a", "b", "-", ".", "é", "𝒳", " ", '"', "\n"),
    minLength: 1,
    maxLength: 3,
  });
  const text = fc.array(word, { maxLength: 8 }).map((each) => each.join(""));
  fc.assert(
    fc.property(
      fc.uniqueArray(word, { minLength: 1, maxLength: 3 }),
      text,
      text,
      (words, one, other) => {
        const own = [...words].toSorted((a, b) => b.length - a.length);
        const any = own.map((each) =>
          each.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&")
        ).join("|");
        const expression = new RegExp(
          `(?<![\\p{L}\\p{N}_-])(${any})(?![\\p{L}\\p{N}_-])`,
          "gu",
        );
        const plain = (text: string) => text.replaceAll(expression, "\u0000");
        const groups = grouped([
          { agent: "one", ownWords: own, to: one },
          { agent: "other", ownWords: own, to: other },
        ]);
        assertEquals(groups.length === 1, plain(one) === plain(other));
      },
    ),
    { numRuns: 1_500 },
  );
});
