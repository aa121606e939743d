import { assertEquals, assertThrows } from "@std/assert";
import { parseTargets } from "../../lib/targets/parse_targets.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { formatTargets } from "../../lib/targets/format_targets.ts";
import { TargetError } from "../../lib/targets/target_error.ts";
import { setsOf } from "../../lib/targets/target_expression.ts";

/** The error of an expression that cannot be read, without the beginning that they all have. */
function refusal(text: string): string {
  const error = assertThrows(() => parseTargets([text]), TargetError);
  assertEquals(error.code, "INVALID_ARGUMENT");
  const start = `Cannot read the targets "${text}": `;
  assertEquals(error.message.slice(0, start.length), start);
  return error.message.slice(start.length);
}

function refusals(table: readonly (readonly [string, string])[]): void {
  assertEquals(
    table.map(([text]) => [text, refusal(text)]),
    table.map(([text, message]) => [text, message]),
  );
}

Deno.test("a class of characters, as other tools have it, is refused with what to write", () => {
  refusals([
    [
      "web-[abc]",
      "classes of characters are not known, and a range has numbers only at column 5; write {a,b,c}",
    ],
    [
      "web-[a-d]",
      "classes of characters are not known, and a range has numbers only at column 5; write {a,b,c,d}",
    ],
    [
      "web-[a-Z]",
      "classes of characters are not known, and a range has numbers only at column 5; write a list in braces, as {a,b}",
    ],
    [
      "web-[^1]",
      "classes of characters are not known at column 5; write a glob and leave others out: web-? ! web-x",
    ],
    [
      "web-[!1]",
      "classes of characters are not known at column 5; write a glob and leave others out: web-? ! web-x",
    ],
  ]);
});

Deno.test("regular expressions are refused, with a glob as the way to write it", () => {
  const advice = "write a glob, with * for any text and ? for one character";
  refusals([
    ["/web.*/", `regular expressions are not known at column 1; ${advice}`],
    ["~web", `regular expressions are not known at column 1; ${advice}`],
    ["E@web.*", `regular expressions are not known at column 1; ${advice}`],
    ["^web", `regular expressions are not known at column 1; ${advice}`],
    ["web$", `regular expressions are not known at column 4; ${advice}`],
    ["web+", `regular expressions are not known at column 4; ${advice}`],
    ["web\\d", `regular expressions are not known at column 4; ${advice}`],
    [".*", `no name begins with a dot at column 1; ${advice}`],
    [".*web", `no name begins with a dot at column 1; ${advice}`],
    [
      'os.name="deb\\d"',
      "a backslash stands before *, ?, a quote or a backslash only at column 13; write two of them for one",
    ],
    [
      "os.name=deb[ia]n",
      "a value without quotes has no such character at column 12; write * and ? for other text, or the value in quotes",
    ],
    [
      "os.name=~deb",
      "there is no operator =~ at column 8; write = and a glob",
    ],
  ]);
});

Deno.test("marks of Salt are refused with what is written here", () => {
  refusals([
    [
      "G@os:Debian",
      "grains are called facts here at column 1; write os.name=debian",
    ],
    [
      "web-1 and G@os:Debian",
      "grains are called facts here at column 11; write os.name=debian",
    ],
    [
      "L@web-1,web-2",
      "a list needs no mark at column 1; write web-1,web-2",
    ],
    ["N@web", "groups are marked with @ alone at column 1; write @web"],
    [
      "S@10.0.0.0/8",
      "there is no such mark at column 1; write a name, a glob, @group or FACT=VALUE",
    ],
  ]);
});

Deno.test("operators of Ansible, clush and shells are refused with ours", () => {
  refusals([
    [
      "web:db",
      "this is no operator at column 4; write a comma or the word or",
    ],
    ["web:&db", "this is no operator at column 4; write & or and"],
    ["web:!db", "this is no operator at column 4; write ! or not"],
    [
      "web|db",
      "this is no operator at column 4; write a comma or the word or",
    ],
    [
      "web||db",
      "this is no operator at column 4; write a comma or the word or",
    ],
    [
      "web;db",
      "this is no operator at column 4; write a comma or the word or",
    ],
    [
      "web && db",
      "one & is enough at column 6; write web-* & @new for what both mean",
    ],
    [
      "@a^@b",
      "this is no operator at column 3; write (A ! B), (B ! A) for what one of both means",
    ],
    [
      "web AND db",
      "operators are written in small letters at column 5; write and",
    ],
    [
      "web-1 web-2",
      "an operator is missing at column 7; write a comma for both, & for what both mean, or ! for a difference",
    ],
    [
      "web @db",
      "a group begins here without an operator at column 5; write a comma, & or !",
    ],
    [
      "@web*",
      "a group is named as a whole at column 1; write group=web* for all groups that begin so",
    ],
    [
      "@all",
      '"all" is a reserved word at column 1; write all for all agents, or @"all" for a group of that name',
    ],
    [
      "os.name==debian",
      "there is no operator == at column 8; write =",
    ],
    ["cpus=>8", "there is no operator => at column 5; write >="],
    ["cpus<>8", "there is no operator <> at column 5; write !="],
  ]);
});

Deno.test("ranges that mean nothing are refused with one that does", () => {
  refusals([
    ["web-[5-1]", "the range 5-1 runs backwards at column 6; write [1-5]"],
    ["web-[1:5]", "a range has no colon at column 5; write [1-5]"],
    [
      "web-{1..5}",
      "this is no list at column 5; write [1-5] for a range of numbers",
    ],
    [
      "web-[1-9/0]",
      "a range has the step 0 at column 6; write a step from 1 on",
    ],
    [
      "web-[1-",
      "the bracket is not closed at column 6; write numbers, as [1-9], [01-20,25] or [1-9/2]",
    ],
    [
      "web-[]",
      "this is no number at column 6; write numbers, as [1-9], [01-20,25] or [1-9/2]",
    ],
    [
      "web-[1,,2]",
      "this is no number at column 8; write numbers, as [1-9], [01-20,25] or [1-9/2]",
    ],
    [
      "web-[1-010]",
      "the numbers 1 and 010 have different widths at column 5; write a range of its own for each width",
    ],
    [
      "web-[1-100001]",
      "the names are more than the limit of 100000 at column 1; write a smaller range, or a glob such as web-*",
    ],
    [
      "r[1-1000]-[1-1000]",
      "the names are more than the limit of 100000 at column 1; write a smaller range, or a glob such as web-*",
    ],
    [
      "web-[1-1001]*",
      "the globs and comparisons are more than the limit of 1000 at column 1; write fewer, or a group such as @web",
    ],
    [
      "web-[1-9999999999999999]",
      "a number has more than 15 digits at column 6; put the digits that stay the same before the bracket",
    ],
    [
      "web-{a}",
      "a list in braces has one part only at column 5; write {a,b}, or leave out the braces",
    ],
    [
      "web-{a,b",
      "the brace is not closed at column 5; write {a,b}, without spaces",
    ],
    [
      "web-{a, b}",
      "this cannot be in a list in braces at column 8; write {a,b}, without spaces",
    ],
  ]);
});

Deno.test("a reserved word is refused as a bare name, and taken in quotes", () => {
  refusals([
    [
      "failed",
      '"failed" is a reserved word at column 1; write @failed(j-17) for the set, or "failed" in quotes for an agent of that name',
    ],
    [
      "web-1, away",
      '"away" is a reserved word at column 8; write @away for the set, or "away" in quotes for an agent of that name',
    ],
    [
      "ALL",
      '"ALL" is a reserved word at column 1; write all for the set, or "ALL" in quotes for an agent of that name',
    ],
    [
      "and web-1",
      'the operator "and" has nothing before it at column 1; write a name before and, or "and" in quotes for an agent of that name',
    ],
    [
      "@failed",
      'the id of a job is missing at column 8; write @failed(j-17), or @"failed" for a group of that name',
    ],
    [
      "@failed(17)",
      'the id of a job is missing at column 8; write @failed(j-17), or @"failed" for a group of that name',
    ],
    [
      "@broken(j-17)",
      'there is no set "broken" at column 1; write @job(j-17), @failed(j-17), @lost(j-17) or @ok(j-17)',
    ],
  ]);
  assertEquals(parseTargets(['"all"', "@'away'"]).node, {
    kind: "union",
    of: [
      { kind: "word", pieces: [{ kind: "text", text: "all" }] },
      { kind: "group", group: "away" },
    ],
  });
});

Deno.test("an expression that is not whole is refused at the place of the mistake", () => {
  const item = "write a name, a glob, @group or FACT=VALUE";
  refusals([
    ["", `an agent, group or fact is missing at column 1; ${item}`],
    ["  ", `an agent, group or fact is missing at column 3; ${item}`],
    ["web-1,", `an agent, group or fact is missing at column 7; ${item}`],
    ["web-1 &", `an agent, group or fact is missing at column 8; ${item}`],
    ["web-1,,web-2", `an agent, group or fact is missing at column 7; ${item}`],
    ["()", `an agent, group or fact is missing at column 2; ${item}`],
    ["(web-1", "the parenthesis is not closed at column 1; write )"],
    [
      "web-1)",
      "a parenthesis is closed that was not opened at column 6; remove it",
    ],
    [
      "not not web-1",
      "there are two differences in a row at column 5; write one ! or not",
    ],
    [
      "@",
      "the name of a group is missing at column 1; write @web, or all for all agents",
    ],
    ["'web-1", "the quote is not closed at column 1; write ' at its end"],
    ['""', "nothing is in the quotes at column 1; write a name in them"],
    [
      '"web-*"',
      "in quotes a name is taken as it is, and no name has such characters at column 1; write web-* without the inner quotes",
    ],
    [
      "os.name=",
      'the value is missing at column 9; write FACT=VALUE, and values with other characters in quotes, as os.name="Debian 12"',
    ],
    [
      "=debian",
      "the fact is missing at column 1; write FACT=VALUE, as os.name=debian",
    ],
    [
      "os.name<debian",
      "< needs a number, a size or a version at column 1; write os.name<8, or = and a glob",
    ],
    [
      "state=offline",
      '"offline" is no state of an agent at column 1; write state=connected or state=away',
    ],
    [
      "%prod & web-1",
      "a named expression has not been replaced at column 1; the command line replaces %prod if its configuration names it; write the expression itself",
    ],
    [
      "web-1 # all of it",
      "this character has no meaning at column 7; names have letters, digits, dots, hyphens and underscores",
    ],
  ]);
});

Deno.test("a difference that would mean nearly everyone in a union is refused", () => {
  const message =
    "a difference without a first part would mean nearly everyone at column";
  const advice = "write A ! B to leave B out of A, or (all ! B)";

  refusals([
    ["web-*,!web-3", `${message} 7; ${advice}`],
    ["!web-3, web-*", `${message} 1; ${advice}`],
    ["web-* or not web-3", `${message} 10; ${advice}`],
  ]);
  assertThrows(
    () => parseTargets(["web-*", "!web-3"]),
    TargetError,
    `Cannot read the targets "!web-3": ${message} 1; ${advice}`,
  );
});

Deno.test("a word that is longer than any name is refused, in ranges and lists too", () => {
  const long = "a".repeat(101);
  const advice =
    "no name has more than 100 characters at column 1; write a shorter one";

  for (
    const text of [
      long,
      `'${long}'`,
      `${"a".repeat(96)}[1-99999]`,
      `{b,${long}}`,
      `${long}*`,
    ]
  ) {
    const { message } = assertThrows(() => parseTargets([text]), TargetError);
    assertEquals(message.slice(-advice.length), advice);
  }
  parseTargets(["a".repeat(100), `${"a".repeat(95)}[1-99999]`]);
});

Deno.test("limits of length, depth and comparisons are held", () => {
  assertThrows(
    () => parseTargets(["a".repeat(65_537)]),
    TargetError,
    "the expression has 65537 characters, and the limit is 65536",
  );
  assertThrows(
    () => parseTargets(["(".repeat(101) + "a" + ")".repeat(101)]),
    TargetError,
    "there are more than 100 levels of parentheses or braces at column 102",
  );
  assertThrows(
    () => parseTargets(["a" + "{b,".repeat(101)]),
    TargetError,
    "there are more than 100 levels of parentheses or braces",
  );
  assertThrows(
    () => parseTargets(Array.from({ length: 1_001 }, () => "a=1")),
    TargetError,
    "the globs and comparisons are more than the limit of 1000",
  );
  assertThrows(
    () => parseTargets(Array.from({ length: 20 }, () => "a".repeat(65_000))),
    PiriError,
    "Cannot read the targets: they have 1300000 characters",
  );
  assertThrows(() => parseTargets([]), PiriError, "none are given");
});

Deno.test("a range may have as many names as the limit, beside the word all too", () => {
  for (
    const text of [
      "web-[1-100000]",
      "not web-[1-100000]",
      "all ! web-[1-100000]",
    ]
  ) {
    assertEquals(
      formatTargets(parseTargets([text])).endsWith(text.slice(-14)),
      true,
    );
  }
});

Deno.test("a long expression is quoted around the place, and its control characters are escaped", () => {
  const long = `${"web-1,".repeat(100)}\x1b[31m${"web-2,".repeat(100)}`;
  const error = assertThrows(() => parseTargets([long]), TargetError);

  assertEquals(
    error.message,
    'Cannot read the targets "…web-1,web-1,web-1,web-1,web-1,\\u{1b}[31mweb-2,web-2,web-2,web-2,w…": this character has no meaning at column 601; names have letters, digits, dots, hyphens and underscores',
  );
});

Deno.test("the sets of jobs that an expression names are listed, each once", () => {
  assertEquals(
    setsOf(
      parseTargets([
        "@failed(j-17) & (@ok( j-3 ), @failed(j-17))",
        "@lost(j-4)",
      ]),
    ),
    [
      { kind: "failed", job: 17n },
      { kind: "ok", job: 3n },
      { kind: "lost", job: 4n },
    ],
  );
  assertEquals(setsOf(parseTargets(["all ! web-1"])), []);
});
