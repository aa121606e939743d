import { assertEquals } from "@std/assert";
import { formatName, formatTargets } from "../../lib/targets/format_targets.ts";
import { parseTargets } from "../../lib/targets/parse_targets.ts";
import { onlyName } from "../../lib/targets/target_expression.ts";

Deno.test("every expression has one spelling", () => {
  const table: [typed: string, spelling: string][] = [
    [" web-1 ", "web-1"],
    ["'web-1'", "web-1"],
    ['"all"', '"all"'],
    ["a or b, c", "a,b,c"],
    ["a and b not c", "a & b ! c"],
    ["a and not b", "a ! b"],
    ["not a", "all ! a"],
    ["((a, b)) & (c)", "(a,b) & c"],
    ["(a, b), c", "a,b,c"],
    ["a & (b ! c)", "a & (b ! c)"],
    ["web-[ 1 - 3 , 5 ]", "web-[1-3,5]"],
    ["db[01-09/2]", "db[01-09/2]"],
    ["db[3-3]", "db[3]"],
    ["web-{a,b*}", "web-{a,b*}"],
    ["web-***", "web-*"],
    ["os.name = 'debian'", "os.name=debian"],
    ['os.name="Debian 12"', 'os.name="Debian 12"'],
    ["os.name='2\\*2'", 'os.name="2\\*2"'],
    ["home = ~anna", 'home="~anna"'],
    ["home != '~anna'", 'home!="~anna"'],
    ["'my fact' >= 8GiB", '"my fact">=8GiB'],
    ["@failed ( j-17 )", "@failed(j-17)"],
    ["@'away', @away", '@"away",@away'],
  ];

  assertEquals(
    table.map(([typed]) => [typed, formatTargets(parseTargets([typed]))]),
    table,
  );
});

Deno.test("a name is quoted only if it would otherwise mean something else", () => {
  assertEquals(
    ["web-1", "all", "Failed", "a b", 'a"b'].map(formatName),
    ["web-1", '"all"', '"Failed"', '"a b"', '"a\\"b"'],
  );
});

Deno.test("onlyName() finds a literal name, and nothing else that means one agent", () => {
  assertEquals(
    ["web-1", "'all'", "web-[1]", "web-*", "all", "@web", "a,a"].map((text) =>
      onlyName(parseTargets([text]))
    ),
    ["web-1", "all", undefined, undefined, undefined, undefined, undefined],
  );
});
