import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  type Parsed,
  parseFront,
  parseSubcommand,
} from "../../lib/cli/arguments.ts";
import { HintedError } from "../../lib/cli/errors.ts";

const table = {
  name: "try",
  summary: "try it",
  positionals: {
    first: { type: "one", summary: "" },
    others: { type: "many", summary: "" },
  },
  flags: {
    flat: { type: "boolean", summary: "" },
    name: { type: "string", value: "NAME", summary: "" },
    env: { type: "repeated", value: "NAME=VALUE", summary: "" },
    wait: { type: "duration", value: "TIME", summary: "" },
    count: { type: "number", value: "N", summary: "", least: 1, most: 10 },
    life: {
      type: "duration",
      value: "TIME",
      summary: "",
      most: 315_360_000_000,
    },
    colour: {
      type: "choice",
      choices: ["red", "green"],
      synonyms: { rouge: "red" },
      summary: "",
    },
  },
  hints: { group: "a colour is enough" },
  rest: "words",
  examples: [],
} as const;

function parse(...args: string[]): Parsed {
  return parseSubcommand(table, args);
}

/** Message, and hint if there is one, of the error for these arguments. */
function complaint(...args: string[]): string {
  const error = assertThrows(() => parse("a", "b", ...args), PiriError);
  const hint = error instanceof HintedError ? ` (${error.hint})` : "";
  return `${error.message}${hint}`;
}

Deno.test("parseSubcommand() gives every flag the type that its table says", () => {
  const { flags } = parse(
    ...["a", "b", "--flat", "--name", "x", "--env", "A=1", "--env", "B=2"],
    ...["--wait", "1m30s", "--count", "10", "--colour", "green"],
  );

  assertEquals(flags, {
    flat: true,
    name: "x",
    env: ["A=1", "B=2"],
    wait: 90_000,
    count: 10,
    life: undefined,
    colour: "green",
  });
});

Deno.test("parseSubcommand() reads a time without a unit as seconds, and weeks", () => {
  const times = ["5", "0.5", "2w"].map((text) =>
    parse("a", "b", "--wait", text).flags["wait"]
  );

  assertEquals(times, [5_000, 500, 1_209_600_000]);
});

Deno.test("parseSubcommand() leaves out what was not given", () => {
  const { flags, rest, common } = parse("a", "b");

  assertEquals(flags, {
    flat: false,
    name: undefined,
    env: [],
    wait: undefined,
    count: undefined,
    life: undefined,
    colour: undefined,
  });
  assertEquals(rest, undefined);
  assertEquals(common, {
    dir: undefined,
    json: false,
    help: false,
    utc: false,
    explain: false,
    noConfig: false,
  });
});

Deno.test("parseSubcommand() keeps words as they were typed, even those that look like numbers", () => {
  assertEquals(
    parse("12345678901234567890", "1e5", "0x10", "-", "--name", "007")
      .positionals,
    { first: "12345678901234567890", others: ["1e5", "0x10", "-"] },
  );
  assertEquals(parse("a", "b", "--name", "007").flags["name"], "007");
});

Deno.test("parseSubcommand() leaves the words after -- alone", () => {
  const { rest, common, positionals } = parse(
    ...["a", "--json", "b", "--", "ls", "--help", "-x", "--", "1e5"],
  );

  assertEquals(rest, ["ls", "--help", "-x", "--", "1e5"]);
  assertEquals(common.json, true);
  assertEquals(common.help, false);
  assertEquals(positionals, { first: "a", others: ["b"] });
});

Deno.test("parseSubcommand() distinguishes a missing -- from one with nothing after it", () => {
  assertEquals([parse("a", "b").rest, parse("a", "b", "--").rest], [
    undefined,
    [],
  ]);
});

Deno.test("parseSubcommand() takes a dash as a value", () => {
  assertEquals(parse("a", "b", "--name", "-").flags["name"], "-");
  assertEquals(parse("a", "b", "--name=-x").flags["name"], "-x");
});

Deno.test("parseSubcommand() ignores all other words when help is asked for", () => {
  assertEquals(parse("--help", "--count", "x").common.help, true);
  assertEquals(parse("-h").common.help, true);
});

Deno.test("parseSubcommand() says what is wrong, and what was probably meant", () => {
  assertEquals(
    [
      complaint("--nmae", "x"),
      complaint("-x"),
      complaint("--name"),
      complaint("--name", "--flat"),
      complaint("--env="),
      complaint("--wait", "5x"),
      complaint("--wait", "-1s"),
      complaint("--wait", "0s"),
      complaint("--wait", "50d"),
      complaint("--count", "11"),
      complaint("--count", "1e0"),
      complaint("--count", "-1"),
      complaint("--colour", "gren"),
      complaint("--colour", "rouge"),
      complaint("--colour", "blank"),
      complaint("--life", "9999d"),
      complaint("--group", "web"),
      complaint("--environment", "A=1"),
    ],
    [
      'Cannot understand "--nmae": there is no such flag (did you mean "--name"?)',
      'Cannot understand "-x": there is no such flag ("try --help" lists the flags)',
      'Cannot use "--name": it needs a value (a value that begins with "-" is written as --name=VALUE)',
      'Cannot use "--name": it needs a value (a value that begins with "-" is written as --name=VALUE)',
      'Cannot use "--env": it needs a value (a value that begins with "-" is written as --env=VALUE)',
      'Cannot read the duration "5x": it should be a number and one of ms, s, m, h, d, w, as 30s or 1h30m',
      'Cannot read the duration "-1s": it should be a number and one of ms, s, m, h, d, w, as 30s or 1h30m',
      'Cannot use "--wait 0s": the least is 1 ms',
      'Cannot use "--wait 50d": the most is 49 d',
      'Cannot use "--count 11": it is not a whole number from 1 to 10',
      'Cannot use "--count 1e0": it is not a whole number from 1 to 10',
      'Cannot use "--count -1": it is not a whole number from 1 to 10',
      'Cannot use "--colour gren": it is none of red, green (did you mean "green"?)',
      'Cannot use "--colour rouge": it is none of red, green (did you mean "red"?)',
      'Cannot use "--colour blank": it is none of red, green',
      'Cannot use "--life 9999d": the most is 3650 d',
      'Cannot understand "--group": there is no such flag (a colour is enough)',
      'Cannot understand "--environment": there is no such flag (did you mean "--env"?)',
    ],
  );
});

Deno.test("parseSubcommand() wants every word that its table names, and no more", () => {
  const { rest: _rest, ...closed } = { ...table, positionals: {} };

  assertThrows(() => parse("a"), PiriError, "<others> is missing");
  assertThrows(() => parse(), PiriError, "<first> is missing");
  assertThrows(
    () => parseSubcommand({ ...table, positionals: {} }, ["x"]),
    PiriError,
    'Cannot run "try": unexpected argument "x"',
  );
  assertThrows(
    () => parseSubcommand(closed, ["--", "x"]),
    PiriError,
    'Cannot use "--": "try" takes nothing after it',
  );
});

Deno.test("parseFront() takes the common flags before a subcommand, and leaves it the others", () => {
  assertEquals(
    parseFront(["--dir", "/srv", "--json", "run", "--raw", "--", "--x"], {}),
    {
      common: {
        dir: "/srv",
        json: true,
        help: false,
        utc: false,
        explain: false,
        noConfig: false,
      },
      version: false,
      words: ["run", "--raw", "--", "--x"],
    },
  );
});
