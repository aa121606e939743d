import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PiriError } from "../../lib/base/errors.ts";
import { compareNames, sortNames } from "../../lib/targets/compare_names.ts";
import { foldNames, unfoldNames } from "../../lib/targets/fold_names.ts";
import { RESERVED_NAMES } from "../../lib/targets/reserved_names.ts";

Deno.test("names fold to ranges, in natural order, with the width of their numbers", () => {
  const table: [names: string, folded: string][] = [
    ["", ""],
    ["web-1", "web-1"],
    ["web-2 web-1", "web-[1-2]"],
    ["web-1 web-1", "web-1"],
    [
      "db-1 web-01 web-02 web-03 web-15 web-12",
      "db-1, web-[01-03,12,15]",
    ],
    ["web-9 web-10 web-11", "web-[9-11]"],
    ["web-08 web-09 web-10 web-99 web-100", "web-[08-10,99-100]"],
    ["web-1 web-01 web-001", "web-1, web-01, web-001"],
    ["web-1 web-2 web-01 web-02", "web-[1-2], web-[01-02]"],
    ["web-01 web-1 web-10 web-010", "web-1, web-[01,10], web-010"],
    [
      "r1-n01 r1-n02 r2-n01 r2-n02",
      "r[1-2]-n[01-02]",
    ],
    ["r1-n1 r1-n2 r2-n1", "r1-n[1-2], r2-n1"],
    ["web1-eu web2-eu web2-us", "web[1-2]-eu, web2-us"],
    ["10-0-0-1 10-0-0-2 10-0-1-1 10-0-1-2", "10-0-[0-1]-[1-2]"],
    ["all web-1", '"all", web-1'],
    [
      "n12345678901234567 n12345678901234568",
      "n12345678901234567, n12345678901234568",
    ],
    ["0 1 00", "[0-1], 00"],
  ];

  assertEquals(
    table.map((
      [names],
    ) => [names, foldNames(names.split(" ").filter(Boolean))]),
    table,
  );
});

Deno.test("ten thousand names fold to one range, and come back", () => {
  const names = Array.from(
    { length: 10_000 },
    (_, index) => `web-${String(index).padStart(5, "0")}`,
  );

  assertEquals(foldNames(names), "web-[00000-09999]");
  assertEquals(unfoldNames("web-[00000-09999]"), names);
});

const name = fc.oneof(
  fc.stringMatching(/^[a-z0-9](?:[a-z0-9._-]{0,8}[a-z0-9])?$/),
  fc.constantFrom(...RESERVED_NAMES),
  fc.tuple(
    fc.constantFrom("web-", "r", ""),
    fc.stringMatching(/^0{0,2}[0-9]{1,3}$/),
    fc.constantFrom("", "-n", ".x"),
    fc.stringMatching(/^0{0,1}[1-2]?$/),
  ).map((parts) => parts.join("")).filter((text) => /[a-z0-9]$/.test(text)),
);

Deno.test("names that were folded come back as they were, sorted and each once", () => {
  fc.assert(
    fc.property(fc.array(name, { maxLength: 60 }), (names) => {
      assertEquals(
        unfoldNames(foldNames(names)),
        [...sortNames([...new Set(names)])],
      );
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("the natural order is an order: of any three names, and equal for equal names only", () => {
  fc.assert(
    fc.property(name, name, name, (one, other, third) => {
      assertEquals(compareNames(one, other) === 0, one === other);
      assertEquals(
        Math.sign(compareNames(one, other)) +
          Math.sign(compareNames(other, one)),
        0,
      );
      const [a, b, c] = [one, other, third].toSorted(compareNames);
      assertEquals(compareNames(a ?? "", c ?? "") <= 0, true);
      assertEquals(compareNames(a ?? "", b ?? "") <= 0, true);
    }),
    { numRuns: 5_000 },
  );
  assertEquals(
    ["web-10", "web-9", "web-09", "web", "Web-1", "db-2"].toSorted(
      compareNames,
    ),
    ["Web-1", "db-2", "web", "web-9", "web-09", "web-10"],
  );
});

Deno.test("unfoldNames() refuses globs, groups, differences and facts", () => {
  for (const text of ["web-*", "@web", "web-1 ! web-2", "cpus>1"]) {
    assertThrows(() => unfoldNames(text), PiriError, "Cannot unfold the names");
  }
});
