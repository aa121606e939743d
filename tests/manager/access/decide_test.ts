import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { decide, type RuledAgent } from "../../../lib/manager/access/decide.ts";
import { LINE_PARAMETERS } from "../../../lib/manager/access/program_words.ts";
import { Rule } from "../../../lib/manager/access/rule.ts";
import { describeOperations } from "../../../lib/operations/registry.ts";
import type { RuleRecord } from "../../../lib/store/operator_records.ts";

/** Monday, 1 June 2026, 12:00 in Berlin. */
const MONDAY_NOON = Date.UTC(2026, 5, 1, 10);

const AGENTS: Readonly<Record<string, RuledAgent>> = Object.fromEntries(
  [
    ["web-1", ["web"], { os: "linux" }, {}],
    ["web-2", ["web"], { os: "linux" }, { tier: "prod" }],
    ["web-07", ["web"], { os: "linux" }, {}],
    ["db-1", ["db"], { os: "linux", tier: "test" }, { tier: "prod" }],
    // It tells a fact that would bring it into a rule.
    ["evil-1", [], { os: "linux", tier: "prod" }, {}],
  ].map(([name, groups, facts, set]) => {
    const common = {
      name: name as string,
      groups: groups as string[],
      connected: true,
    };
    const setFacts = set as Record<string, string>;
    return [name, {
      trusting: { ...common, facts: { ...facts as object, ...setFacts } },
      wary: { ...common, facts: setFacts },
    }];
  }),
);

/** Rules as people write them: `+` allows, `-` denies; targets, operations, and further fields. */
function rules(
  ...lines: readonly (readonly [
    "+" | "-",
    string,
    string,
    Partial<RuleRecord>?,
  ])[]
): Rule[] {
  return lines.map(([sign, onTargets, operations, more], index) =>
    new Rule({
      operator: "alice",
      number: index + 1,
      deny: sign === "-",
      onTargets,
      operations: operations.split(","),
      argv: [],
      most: 0,
      trustFacts: false,
      approve: 0,
      within: "",
      ...more,
    })
  );
}

function ask(
  list: readonly Rule[],
  operation: string,
  names: string,
  params: unknown = {},
) {
  const agents = names.split(" ").flatMap((name) => AGENTS[name] ?? []);
  const work = { operation, params: JSON.stringify(params), at: MONDAY_NOON };
  const decision = decide("alice", list, work, agents);
  return decision.allowed ? decision.rule : decision.reason;
}

const RUN = "command.Run";
const RESTART = { argv: ["systemctl", "restart", "nginx"] };
const none = rules();
const web = rules(["+", "@web ! web-07", "command.Run,file.*"]);
const layered = rules(
  ["+", "@web", "*"],
  ["-", "web-07", "command.*"],
  ["+", "db-*", "file.Read"],
);
const bound = rules(
  ["+", "@web", RUN, { argv: ["systemctl", "restart", "*"] }],
  ["+", "@web", RUN, { argv: ["/usr/bin/journalctl", "-u", "ngin?", "..."] }],
);
const few = rules(["+", "@web", RUN, { most: 2 }]);
const fact = rules(["+", "tier=prod", RUN]);
const trusting = rules(["+", "tier=prod", RUN, { trustFacts: true }]);
const alone = rules(["-", "all", "*"]);
const no = (name: string, why: string, operation = RUN) =>
  `Cannot run ${operation} on "${name}": ${why}`;
const nothing = 'no rule of "alice" allows it';

/** Rules, operation, agents, parameters, and the name of the rule that allows it or the refusal. */
const decisions: readonly (readonly [
  string,
  readonly Rule[],
  string,
  string,
  unknown,
  string,
])[] = [
  ["no rule", none, RUN, "web-1", {}, no("web-1", nothing)],
  ["no rule, several", none, RUN, "web-1 web-2", {}, no("web-1", nothing)],
  [
    "no rule, another operation",
    none,
    "file.Put",
    "web-1",
    {},
    no("web-1", nothing, "file.Put"),
  ],
  ["a group", web, RUN, "web-1", {}, "alice#1"],
  ["a group, all of it", web, RUN, "web-1 web-2", {}, "alice#1"],
  [
    "a group without one",
    web,
    RUN,
    "web-07",
    {},
    no("web-07", `${nothing} (alice#1 allows "@web ! web-07")`),
  ],
  [
    "one of several denies all",
    web,
    RUN,
    "web-1 web-07",
    {},
    no("web-07", `${nothing} (alice#1 allows "@web ! web-07")`),
  ],
  [
    "outside of the group",
    web,
    RUN,
    "db-1",
    {},
    no("db-1", `${nothing} (alice#1 allows "@web ! web-07")`),
  ],
  ["a family of operations", web, "file.Put", "web-1", {}, "alice#1"],
  ["a family of operations, another", web, "file.Read", "web-2", {}, "alice#1"],
  [
    "a family, not its beginning",
    web,
    "files.Put",
    "web-1",
    {},
    no("web-1", nothing, "files.Put"),
  ],
  [
    "an operation that is not named",
    web,
    "echo.Echo",
    "web-1",
    {},
    no("web-1", nothing, "echo.Echo"),
  ],
  [
    "an operation by case",
    web,
    "Command.Run",
    "web-1",
    {},
    no("web-1", nothing, "Command.Run"),
  ],
  [
    "a longer operation",
    web,
    "command.RunAll",
    "web-1",
    {},
    no("web-1", nothing, "command.RunAll"),
  ],
  ["everything on a group", layered, RUN, "web-1", {}, "alice#1"],
  [
    "a denial wins",
    layered,
    RUN,
    "web-07",
    {},
    no("web-07", "rule alice#2 denies it"),
  ],
  [
    "a denial wins among others",
    layered,
    RUN,
    "web-1 web-07 web-2",
    {},
    no("web-07", "rule alice#2 denies it"),
  ],
  [
    "a denial of another operation",
    layered,
    "file.Read",
    "web-07",
    {},
    "alice#1",
  ],
  ["a second rule", layered, "file.Read", "db-1", {}, "alice#3"],
  ["two rules together", layered, "file.Read", "web-1 db-1", {}, "alice#1"],
  [
    "a second rule's other operation",
    layered,
    "file.Put",
    "db-1",
    {},
    no("db-1", `${nothing} (alice#1 allows "@web")`, "file.Put"),
  ],
  [
    "two rules, one too little",
    layered,
    "file.Put",
    "web-1 db-1",
    {},
    no("db-1", `${nothing} (alice#1 allows "@web")`, "file.Put"),
  ],
  ["arguments as bound", bound, RUN, "web-1", RESTART, "alice#1"],
  ["another last argument", bound, RUN, "web-1", {
    argv: ["systemctl", "restart", "php-fpm"],
  }, "alice#1"],
  ["another verb", bound, RUN, "web-1", {
    argv: ["systemctl", "stop", "nginx"],
  }, no("web-1", nothing)],
  ["one argument more", bound, RUN, "web-1", {
    argv: ["systemctl", "restart", "nginx", "x"],
  }, no("web-1", nothing)],
  [
    "one argument less",
    bound,
    RUN,
    "web-1",
    { argv: ["systemctl", "restart"] },
    no("web-1", nothing),
  ],
  ["no argument", bound, RUN, "web-1", { argv: [] }, no("web-1", nothing)],
  ["another program", bound, RUN, "web-1", {
    argv: ["bash", "restart", "nginx"],
  }, no("web-1", nothing)],
  ["a program by another path", bound, RUN, "web-1", {
    argv: ["/tmp/systemctl", "restart", "nginx"],
  }, no("web-1", nothing)],
  ["a line of a shell", bound, RUN, "web-1", {
    shell: "systemctl restart nginx",
  }, no("web-1", nothing)],
  [
    "arguments as bytes",
    bound,
    RUN,
    "web-1",
    { argv_base64: ["YQ=="] },
    no("web-1", nothing),
  ],
  ["with a variable", bound, RUN, "web-1", {
    ...RESTART,
    env: { LD_PRELOAD: "/tmp/x.so" },
  }, no("web-1", nothing)],
  [
    "with a folder",
    bound,
    RUN,
    "web-1",
    { ...RESTART, cwd: "/tmp" },
    no("web-1", nothing),
  ],
  [
    "with another user",
    bound,
    RUN,
    "web-1",
    { ...RESTART, user: "root" },
    no("web-1", nothing),
  ],
  [
    "with input",
    bound,
    RUN,
    "web-1",
    { ...RESTART, stdin: "x" },
    no("web-1", nothing),
  ],
  [
    "with a blob as input",
    bound,
    RUN,
    "web-1",
    { ...RESTART, stdin_blob: "0" },
    no("web-1", nothing),
  ],
  [
    "with a mask",
    bound,
    RUN,
    "web-1",
    { ...RESTART, umask: "000" },
    no("web-1", nothing),
  ],
  ["more arguments where that is allowed", bound, RUN, "web-1", {
    argv: ["/usr/bin/journalctl", "-u", "nginx", "-n", "5"],
  }, "alice#2"],
  ["none more where that is allowed", bound, RUN, "web-1", {
    argv: ["/usr/bin/journalctl", "-u", "nginx"],
  }, "alice#2"],
  ["too few where more is allowed", bound, RUN, "web-1", {
    argv: ["/usr/bin/journalctl", "-u"],
  }, no("web-1", nothing)],
  ["one character for ?", bound, RUN, "web-1", {
    argv: ["/usr/bin/journalctl", "-u", "ngin"],
  }, no("web-1", nothing)],
  [
    "bound arguments elsewhere",
    bound,
    RUN,
    "db-1",
    RESTART,
    no("db-1", `${nothing} (alice#1 allows "@web")`),
  ],
  ["an argument that is no text", bound, RUN, "web-1", {
    argv: ["systemctl", "restart", 5],
  }, "alice#1"],
  ["as many as allowed", few, RUN, "web-1 web-2", {}, "alice#1"],
  [
    "more than allowed at once",
    few,
    RUN,
    "web-1 web-2 web-07",
    {},
    "Cannot run command.Run on 3 agents: rule alice#1 allows at most 2 at once",
  ],
  [
    "a bound number elsewhere",
    few,
    RUN,
    "db-1",
    {},
    no("db-1", `${nothing} (alice#1 allows "@web")`),
  ],
  ["a fact that an operator set", fact, RUN, "web-2", {}, "alice#1"],
  ["a set fact beside a told one", fact, RUN, "db-1", {}, "alice#1"],
  [
    "a fact that the host tells",
    fact,
    RUN,
    "evil-1",
    {},
    no("evil-1", `${nothing} (alice#1 allows "tier=prod")`),
  ],
  [
    "a fact that nobody has",
    fact,
    RUN,
    "web-1",
    {},
    no("web-1", `${nothing} (alice#1 allows "tier=prod")`),
  ],
  ["a told fact that is trusted", trusting, RUN, "evil-1", {}, "alice#1"],
  [
    "a set fact when told ones are trusted",
    trusting,
    RUN,
    "db-1",
    {},
    "alice#1",
  ],
  [
    "no fact when told ones are trusted",
    trusting,
    RUN,
    "web-1",
    {},
    no("web-1", `${nothing} (alice#1 allows "tier=prod")`),
  ],
  [
    "a denial alone",
    alone,
    RUN,
    "web-1",
    {},
    no("web-1", "rule alice#1 denies it"),
  ],
  [
    "a denial alone, another operation",
    alone,
    "echo.Echo",
    "db-1",
    {},
    no("db-1", "rule alice#1 denies it", "echo.Echo"),
  ],
  [
    "nobody",
    web,
    RUN,
    "",
    {},
    `Cannot run command.Run: ${nothing} (alice#1 allows "@web ! web-07")`,
  ],
  [
    "a denial by a fact that the host tells",
    rules(["+", "all", RUN], ["-", "tier=prod", RUN, { trustFacts: true }]),
    RUN,
    "evil-1",
    {},
    no("evil-1", "rule alice#2 denies it"),
  ],
  [
    "a wary denial by such a fact",
    rules(["+", "all", RUN], ["-", "tier=prod", RUN]),
    RUN,
    "evil-1",
    {},
    "alice#1",
  ],
  [
    "a denial of some arguments",
    rules(["+", "all", RUN], ["-", "all", RUN, { argv: ["reboot", "..."] }]),
    RUN,
    "web-1",
    { argv: ["reboot", "-f"] },
    no("web-1", "rule alice#2 denies it"),
  ],
  [
    "other arguments than denied",
    rules(["+", "all", RUN], ["-", "all", RUN, { argv: ["reboot", "..."] }]),
    RUN,
    "web-1",
    { argv: ["ls"] },
    "alice#1",
  ],
  [
    "a larger rule beside a bounded one",
    rules(["+", "@web", RUN, { most: 1 }], ["+", "web-*", RUN]),
    RUN,
    "web-1 web-2",
    {},
    "alice#2",
  ],
];

const notId = rules(
  ["+", "all", "*"],
  ["-", "all", RUN, { argv: ["id", "..."] }],
);
const ID = { argv: ["id", "-u"] };
const LS = { argv: ["ls"] };
const base64 = (...words: string[]) => ({ argv_base64: words.map(btoa) });
const denied = no("web-1", "rule alice#2 denies it");

/** Work, its parameters, and the operation if it is not command.Run: denied or allowed by `notId`. */
const denials: readonly (readonly [string, object, boolean, string?])[] = [
  ["its arguments", ID, true],
  ["its program alone", { argv: ["id"] }, true],
  ["other arguments", LS, false],
  ["another path of its program", { argv: ["/usr/bin/id"] }, false],
  ["its arguments with a mask", { ...ID, umask: "022" }, true],
  ["its arguments with a variable", { ...ID, env: { A: "1" } }, true],
  ["its arguments with a folder", { ...ID, cwd: "/tmp" }, true],
  ["its arguments with a user", { ...ID, user: "bob" }, true],
  ["its arguments with a group", { ...ID, group: "bob" }, true],
  ["its arguments with input", { ...ID, stdin: "x" }, true],
  ["its arguments with a blob as input", { ...ID, stdin_blob: "0" }, true],
  ["its arguments with a secret", { ...ID, secret_stdin: "s" }, true],
  ["other arguments with all of these", {
    ...{ ...LS, umask: "022", env: { A: "1" }, cwd: "/", user: "bob" },
    ...{ group: "bob", stdin: "x", stdin_blob: "0", secret_stdin: "s" },
    ...{ secret_env: { B: "s" }, secret_files: { C: "s" } },
  }, false],
  ["its arguments as bytes", base64("id", "-u"), true],
  ["other arguments as bytes", base64("ls"), false],
  ["bytes that are no base64", { argv_base64: ["ls!"] }, true],
  ["bytes that are no text", base64("\xff"), true],
  ["bytes that are no list", { argv_base64: btoa("ls") }, true],
  ["a line of a shell", { shell: "ls" }, true],
  ["no program", {}, true],
  ["arguments that are no texts", { argv: [["id"]] }, true],
  ["two programs", { ...LS, shell: "id" }, true],
  ["a parameter that is not known", { ...LS, "[args]": ["id"] }, true],
  ["a line of a legacy agent", { command: "ls" }, true],
  ["several lines", { commands: ["ls"] }, true, "command.RunMultiple"],
  ["several lines that are missing", {}, true, "command.RunMultiple"],
  ["a line that asserts", { cmd: "ls" }, true, "assert.That"],
  ["an assertion without a line", { that: "x" }, false, "assert.That"],
  ["a line for cron", { command: "ls" }, true, "cron.Job"],
  ["a line for a timer", { command: "ls" }, true, "systemd.Timer"],
  ["another operation", { command: "ls" }, false, "echo.Echo"],
];

for (const [what, params, isDenied, operation = RUN] of denials) {
  Deno.test(`a denial of some arguments compares ${what}`, () => {
    assertEquals(
      ask(notId, operation, "web-1", params),
      isDenied ? no("web-1", "rule alice#2 denies it", operation) : "alice#1",
    );
  });
}

Deno.test("a denial of arguments without more ends with the last of them", () => {
  const list = rules(["+", "all", "*"], ["-", "all", RUN, { argv: ["id"] }]);

  assertEquals(ask(list, RUN, "web-1", ID), "alice#1");
  assertEquals(
    ask(list, RUN, "web-1", { argv: ["id"], umask: "022" }),
    denied,
  );
});

Deno.test("a denial of programs denies lines of a shell in other operations, too", () => {
  const list = rules(["+", "all", "*"], ["-", "all", RUN]);

  assertEquals(
    ask(list, "command.RunMultiple", "web-1", { commands: ["ls"] }),
    no("web-1", "rule alice#2 denies it", "command.RunMultiple"),
  );
  assertEquals(ask(list, "file.Read", "web-1"), "alice#1");
});

Deno.test("a rule that allows programs allows no lines of other operations", () => {
  const list = rules(["+", "all", RUN]);

  assertEquals(
    ask(list, "command.RunMultiple", "web-1", { commands: ["ls"] }),
    no("web-1", nothing, "command.RunMultiple"),
  );
});

Deno.test("each operation with a line for the shell is denied with some arguments", () => {
  const withLines = describeOperations().flatMap(({ name, parameters }) =>
    parameters.filter(({ description }) => /^Lines? for/.test(description))
      .filter(({ name }) => name !== "unless" && name !== "onlyif")
      .map((parameter) => [name, parameter.name])
  );

  assertEquals(Object.fromEntries(withLines), LINE_PARAMETERS);
});

for (const [what, list, operation, names, params, expected] of decisions) {
  Deno.test(`rules decide: ${what}`, () => {
    assertEquals(ask(list, operation, names, params), expected);
  });
}

for (
  const [what, rule, message] of [
    [
      "a job",
      { onTargets: "@failed(j-17)" },
      "a rule lasts longer than a job, so it cannot name one",
    ],
    ["no operation", { operations: [] }, "it names no operation"],
    [
      "a wrong operation",
      { operations: ["command Run"] },
      '"command Run" is not the name of an operation',
    ],
    [
      "arguments of files",
      { operations: ["file.Put"], argv: ["x"] },
      "arguments are only for command.Run, so it should name that alone",
    ],
    ["no program", { argv: ["..."] }, '"..." is not a program'],
    [
      "more in the middle",
      { argv: ["ls", "...", "x"] },
      '"..." can only be the last argument',
    ],
    ["a negative number", { most: -1 }, "-1 is not a number of agents"],
  ] satisfies [string, Partial<RuleRecord>, string][]
) {
  Deno.test(`a rule with ${what} is refused`, () => {
    assertThrows(
      () => rules(["+", "all", RUN, rule]),
      PiriError,
      `Cannot add the rule: ${message}`,
    );
  });
}

Deno.test("a rule with a mistake in its targets is refused with the place", () => {
  assertThrows(() => rules(["+", "@web and and", RUN]), PiriError, "and");
});

const OFFICE = { within: "Mon-Fri 08:00-18:00 Europe/Berlin" };
const NIGHTS = { within: "Fri 22:00-06:00 Europe/Berlin" };

for (
  const [name, list, at, expected] of [
    [
      "in the hours",
      rules(["+", "@web", "*", OFFICE]),
      "2026-06-01T10:00Z",
      "alice#1",
    ],
    [
      "before the hours",
      rules(["+", "@web", "*", OFFICE]),
      "2026-06-01T05:59Z",
      'Cannot run command.Run on "web-1": no rule of "alice" allows it (alice#1 allows "@web" within Mon-Fri 08:00-18:00 Europe/Berlin)',
    ],
    [
      "as the hours begin in summer",
      rules(["+", "@web", "*", OFFICE]),
      "2026-06-01T06:00Z",
      "alice#1",
    ],
    [
      "at that time in winter",
      rules(["+", "@web", "*", OFFICE]),
      "2026-12-01T06:00Z",
      'Cannot run command.Run on "web-1": no rule of "alice" allows it (alice#1 allows "@web" within Mon-Fri 08:00-18:00 Europe/Berlin)',
    ],
    [
      "in the night after a Friday",
      rules(["+", "@web", "*", NIGHTS]),
      "2026-06-06T03:59Z",
      "alice#1",
    ],
    [
      "in the night after a Saturday",
      rules(["+", "@web", "*", NIGHTS]),
      "2026-06-07T03:59Z",
      'Cannot run command.Run on "web-1": no rule of "alice" allows it (alice#1 allows "@web" within Fri 22:00-06:00 Europe/Berlin)',
    ],
    [
      "in the hours of a rule that denies",
      rules(["+", "@web", "*"], ["-", "all", "*", NIGHTS]),
      "2026-06-05T21:00Z",
      'Cannot run command.Run on "web-1": rule alice#2 denies it',
    ],
    [
      "beyond the hours of a rule that denies",
      rules(["+", "@web", "*"], ["-", "all", "*", NIGHTS]),
      "2026-06-05T10:00Z",
      "alice#1",
    ],
  ] as const
) {
  Deno.test(`rules with hours decide ${name}`, () => {
    const work = { operation: RUN, params: "{}", at: Date.parse(at) };
    const agents = [AGENTS["web-1"]].flatMap((agent) => agent ?? []);
    const decision = decide("alice", list, work, agents);

    assertEquals(decision.allowed ? decision.rule : decision.reason, expected);
  });
}

for (
  const within of [
    "Mon-Fri 08:00-18:00",
    "Mon-Fri 08:00-18:00 Europe/Berlln",
    "Mon-Fri 8-18 UTC",
    "Mo-Fr 08:00-18:00 UTC",
  ]
) {
  Deno.test(`a rule within "${within}" is refused`, () => {
    assertThrows(() => rules(["+", "@web", "*", { within }]), PiriError);
  });
}
