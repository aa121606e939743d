import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import {
  AGENT_SETTINGS,
  type AgentConfig,
  finishJoin,
  keepName,
  loadAgentConfig,
  prepareJoin,
} from "../../lib/agent/config.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { compareSettings } from "../../lib/base/reload.ts";
import { encodeJoinToken } from "../../lib/base/join_token.ts";
import { systemRandom as random } from "../../lib/base/random.ts";
import { newSecret } from "../../lib/base/secret.ts";
import { ownerTest, STRANGER } from "../support/other_owner.ts";
import { TempFolder } from "../support/temp_folder.ts";

function newToken(name = "web-1"): string {
  return encodeJoinToken({
    name,
    addresses: ["mgr.example.org:7051", "[::1]:7051"],
    serverName: "0011223344556677.piri.internal",
    caCertificate: new Uint8Array([1, 2, 3]),
    secret: newSecret(random),
  });
}

Deno.test("a joined agent has all fields of the token and a secret of its own, and no token any more", async () => {
  await using folder = await TempFolder.make();
  const dir = folder.at("new", "state");
  const joining = await prepareJoin(dir, newToken(), random);
  await finishJoin(dir, joining, random);
  const { joinedWith, secret, ...config } = await loadAgentConfig(dir);
  assertEquals(config, {
    name: "web-1",
    addresses: ["mgr.example.org:7051", "[::1]:7051"],
    serverName: "0011223344556677.piri.internal",
    caPem: "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n",
    allowTestOperations: false,
    updates: "manager",
    updateKeys: [],
    log: { level: "info", format: "text" },
    commands: { umask: 0o022, environment: {}, limits: {} },
    customOperations: { allow: "all" },
  });
  assertEquals(secret, joining.secret);
  assertMatch(joinedWith ?? "", /^[A-Za-z0-9_-]{43}$/);
  const entries = await Array.fromAsync(Deno.readDir(dir));
  assertEquals(entries.map(({ name }) => name), ["agent.yaml"]);
  const text = await Deno.readTextFile(folder.at("new", "state", "agent.yaml"));
  assertEquals(text.includes(joining.joinToken ?? "none"), false);
});

Deno.test("the same token finds the same secret again, before and after the Manager accepted it", async () => {
  await using folder = await TempFolder.make();
  const token = newToken();
  const first = await prepareJoin(folder.path, token, random);
  assertEquals(await prepareJoin(folder.path, token, random), first);
  await finishJoin(folder.path, first, random);
  assertEquals(await prepareJoin(folder.path, token, random), first);
});

Deno.test("another token makes another secret, and the old config stays until the Manager accepted it", async () => {
  await using folder = await TempFolder.make();
  const first = await prepareJoin(folder.path, newToken(), random);
  await finishJoin(folder.path, first, random);
  const joined = await loadAgentConfig(folder.path);
  const second = await prepareJoin(folder.path, newToken("web-2"), random);
  assertNotEquals(second.secret, first.secret);
  assertEquals(await loadAgentConfig(folder.path), joined);
  await finishJoin(folder.path, second, random);
  const { name, secret } = await loadAgentConfig(folder.path);
  assertEquals({ name, secret }, { name: "web-2", secret: second.secret });
});

Deno.test("a join keeps people's changes to the config, with their comments", async () => {
  await using folder = await TempFolder.make();
  await finishJoin(
    folder.path,
    await prepareJoin(folder.path, newToken(), random),
    random,
  );
  const path = folder.at("agent.yaml");
  const before = await Deno.readTextFile(path);
  await Deno.writeTextFile(
    path,
    before.replace(
      /^allowTestOperations[^]*/m,
      "# This is a test machine.\nallowTestOperations: true\nlog:\n  level: debug # for a week\n",
    ),
  );
  const again = await prepareJoin(folder.path, newToken("web-2"), random);
  await finishJoin(folder.path, again, random);
  const { name, allowTestOperations, log } = await loadAgentConfig(folder.path);
  assertEquals({ name, allowTestOperations, log }, {
    name: "web-2",
    allowTestOperations: true,
    log: { level: "debug", format: "text" },
  });
  const after = await Deno.readTextFile(path);
  for (const comment of ["# The configuration", "# This is", "# for a week"]) {
    assertEquals(after.split(comment).length, 2, comment);
  }
});

Deno.test("an agent that has not joined names the command to run", async () => {
  await using folder = await TempFolder.make();
  await prepareJoin(folder.path, newToken(), random);
  const error = await assertRejects(
    () => loadAgentConfig(folder.path),
    PiriError,
    "the agent has not joined a Manager; run piri-agent join",
  );
  assertEquals(error.code, "FAILED_PRECONDITION");
});

Deno.test({
  name: "the config is readable by its owner alone, and refused otherwise",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await TempFolder.make();
    const dir = folder.at("state");
    const joining = await prepareJoin(dir, newToken(), random);
    const paths = ["joining.yaml", "agent.yaml"].map((name) =>
      folder.at("state", name)
    );
    const modes = [Deno.statSync(paths[0] ?? "").mode];
    await finishJoin(dir, joining, random);
    modes.push(Deno.statSync(paths[1] ?? "").mode, Deno.statSync(dir).mode);
    assertEquals(modes.map((mode) => (mode ?? 0) & 0o777), [
      0o600,
      0o600,
      0o700,
    ]);
    await Deno.chmod(paths[1] ?? "", 0o644);
    await assertRejects(() => loadAgentConfig(dir), PiriError, "run chmod 600");
  },
});

Deno.test({
  name:
    "a folder that others may write to is refused by a join and at the start",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await TempFolder.make();
    const token = newToken();
    await finishJoin(
      folder.path,
      await prepareJoin(folder.path, token, random),
      random,
    );
    await Deno.chmod(folder.path, 0o775);
    const line = `run chmod 700 ${folder.path}`;
    await assertRejects(() => loadAgentConfig(folder.path), PiriError, line);
    await assertRejects(
      () => prepareJoin(folder.path, token, random),
      PiriError,
      line,
    );
    await Deno.chmod(folder.path, 0o755);
    await loadAgentConfig(folder.path);
  },
});

ownerTest(
  "an agent's folder of another user is refused to root at the start, not to look at",
  async () => {
    await using folder = await TempFolder.make();
    await finishJoin(
      folder.path,
      await prepareJoin(folder.path, newToken(), random),
      random,
    );
    for (const path of [folder.path, folder.at("agent.yaml")]) {
      await Deno.chown(path, STRANGER, STRANGER);
    }
    await assertRejects(
      () => loadAgentConfig(folder.path),
      PiriError,
      `Cannot use "${folder.path}": it belongs to uid ${STRANGER}`,
    );
    await loadAgentConfig(folder.path, { anyOwnerForRoot: true });
  },
);

Deno.test("the addresses of an agent may have the scheme tls, and are read without", async () => {
  await using folder = await TempFolder.make();
  const joining = await prepareJoin(folder.path, newToken(), random);
  await finishJoin(folder.path, joining, random);
  const path = folder.at("agent.yaml");
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(
    path,
    text.replace("mgr.example.org:7051", "tls://mgr.example.org:7051"),
  );
  const { addresses } = await loadAgentConfig(folder.path);
  assertEquals(addresses, joining.addresses);
});

Deno.test("a mistake in the config is reported with its line, and never with the secret", async () => {
  await using folder = await TempFolder.make();
  const joining = await prepareJoin(folder.path, newToken(), random);
  await finishJoin(folder.path, joining, random);
  const path = folder.at("agent.yaml");
  const good = await Deno.readTextFile(path);
  const wrong: [text: string, reason: RegExp][] = [
    [
      good.replace("\nallowTestOperations", "\nallowTestOperation"),
      /line [0-9]+: "allowTestOperation" is not a setting; did you mean "allowTestOperations"\?$/,
    ],
    [
      good.replace("\nsecret: ", "\nsecret: x"),
      /line [0-9]+: "secret" is wrong: it should be 43 characters of base64url$/,
    ],
    [good.replace("BEGIN", "BEGUN"), /"caPem" is wrong: it is not PEM$/],
    [
      good.replace("mgr.example.org:7051", "mgr.example.org:x"),
      /"addresses 1" is wrong: it should look like mgr.example.org:7051$/,
    ],
    [
      good.replace("mgr.example.org:7051", "ws://mgr.example.org:7051"),
      /"addresses 1" is wrong: "ws" is not a known scheme; known schemes: tls$/,
    ],
    [good + "secret: twice\n", /line [0-9]+: Map keys must be unique$/],
  ];
  for (const [text, reason] of wrong) {
    await Deno.writeTextFile(path, text);
    const error = await assertRejects(
      () => loadAgentConfig(folder.path),
      PiriError,
    );
    assertMatch(error.message, reason);
    assertEquals(error.message.includes(joining.secret), false);
  }
});

/** Writes agent.yaml with this text at its end, and reads it. */
async function loadWith(folder: TempFolder, text: string) {
  const joining = await prepareJoin(folder.path, newToken(), random);
  await finishJoin(folder.path, joining, random);
  await Deno.writeTextFile(folder.at("agent.yaml"), text, { append: true });
  return await loadAgentConfig(folder.path);
}

Deno.test("the config sets PATH, umask, variables and limits of commands, and a join keeps them", async () => {
  await using folder = await TempFolder.make();
  const { commands } = await loadWith(
    folder,
    `\
commands: # for all
  path: /usr/bin:/opt/bin
  umask: "027"
  environment:
    https_proxy: http://proxy:3128
  limits:
    openFiles: 65536
    coreBytes: unlimited
    processes: 100:unlimited
`,
  );
  const expected = {
    path: "/usr/bin:/opt/bin",
    umask: 0o027,
    environment: { https_proxy: "http://proxy:3128" },
    limits: {
      openFiles: { soft: 65_536, hard: 65_536 },
      coreBytes: { soft: undefined, hard: undefined },
      processes: { soft: 100, hard: undefined },
    },
  };
  assertEquals(commands, expected);
  const again = await prepareJoin(folder.path, newToken("web-2"), random);
  await finishJoin(folder.path, again, random);
  assertEquals((await loadAgentConfig(folder.path)).commands, expected);
  const text = await Deno.readTextFile(folder.at("agent.yaml"));
  assertEquals(text.split("# for all").length, 2);
});

for (
  const [setting, reason] of [
    [
      "umask: 027",
      /"commands.umask" is wrong: it should be octal digits in quotes, as "022"$/,
    ],
    [
      'umask: "0888"',
      /"commands.umask" is wrong: it should be octal digits in quotes, as "022"$/,
    ],
    [
      "path: []",
      /"commands.path" is wrong: it should be folders, joined by :$/,
    ],
    [
      "enviroment: {}",
      /"commands.enviroment" is not a setting; did you mean "environment"\?$/,
    ],
    [
      "environment: {A: 1}",
      /"commands.environment.A" is wrong: it should be text in quotes$/,
    ],
    [
      "environment: {PIRI_COMMAND: x}",
      /"commands.environment.PIRI_COMMAND" is wrong: names that begin with PIRI_ belong to Piri itself$/,
    ],
    [
      'environment: {"A=B": x}',
      /"commands.environment.A=B" is wrong: it should be the name of a variable, without =$/,
    ],
    [
      "limits: {openFiles: 511}",
      /"commands.limits.openFiles" is wrong: it should be at least 512, because the agent has this limit, too$/,
    ],
    [
      "limits: {cpuSeconds: 60}",
      /"commands.limits.cpuSeconds" is not a setting; there are openFiles, /,
    ],
    [
      "limits: {openFile: 1}",
      /"commands.limits.openFile" is not a setting; did you mean "openFiles"\?$/,
    ],
    [
      "limits: {openFiles: many}",
      /"commands.limits.openFiles" is wrong: it should be a number, unlimited, or both limits as 1024:4096, the lower one first$/,
    ],
    [
      "limits: {openFiles: 9:8}",
      /"commands.limits.openFiles" is wrong: it should be a number, unlimited, or both limits/,
    ],
    [
      "limits: {openFiles: unlimited:8}",
      /"commands.limits.openFiles" is wrong: it should be a number, unlimited, or both limits/,
    ],
    [
      "limits: {openFiles: -1}",
      /"commands.limits.openFiles" is wrong: it should be a number, unlimited, or both limits/,
    ],
  ] as const
) {
  Deno.test(`the setting "${setting}" of commands is refused with its line`, async () => {
    await using folder = await TempFolder.make();
    const error = await assertRejects(
      () => loadWith(folder, `commands:\n  ${setting}\n`),
      PiriError,
    );
    assertMatch(error.message, reason);
    assertMatch(error.message, /line [0-9]+: /);
  });
}
Deno.test("the config says which custom operations may run, and as which user", async () => {
  const found: unknown[] = [];
  for (
    const text of [
      "",
      "customOperations: all\n",
      "customOperations: none\n",
      "customOperations: [nginx, site]\n",
      "customOperations: { runAs: deploy }\n",
      "customOperations: { allow: [nginx], runAs: deploy }\n",
    ]
  ) {
    await using folder = await TempFolder.make();
    const { customOperations } = await loadWith(folder, text);
    found.push(customOperations);
  }

  assertEquals(found, [
    { allow: "all" },
    { allow: "all" },
    { allow: "none" },
    { allow: ["nginx", "site"] },
    { allow: "all", runAs: "deploy" },
    { allow: ["nginx"], runAs: "deploy" },
  ]);
});

for (
  const setting of [
    "some",
    "7",
    "[a/b]",
    "[7]",
    "{ allow: some }",
    "{ allowed: all }",
    '{ runAs: "" }',
    "{ runAs: 7 }",
  ]
) {
  Deno.test(`the setting customOperations "${setting}" is refused with its line`, async () => {
    await using folder = await TempFolder.make();

    const error = await assertRejects(
      () => loadWith(folder, `customOperations: ${setting}\n`),
      PiriError,
    );

    assertEquals(error.code, "INVALID_ARGUMENT");
    assertMatch(error.message, /line \d+: "?customOperations/);
  });
}

Deno.test("a name that the Manager gives replaces the former one, and nothing else changes", async () => {
  await using folder = await TempFolder.make();
  const joining = await prepareJoin(folder.path, newToken(), random);
  await keepName(folder.path, "early-1", random);
  await finishJoin(folder.path, joining, random);
  const before = await loadAgentConfig(folder.path);
  const path = folder.at("agent.yaml");
  await Deno.writeTextFile(
    path,
    `${await Deno.readTextFile(path)}reconnectWindow: 5s # ours\n`,
  );
  await keepName(folder.path, "shop-1", random);
  const text = await Deno.readTextFile(path);
  await keepName(folder.path, "shop-1", random);

  assertEquals(await loadAgentConfig(folder.path), {
    ...before,
    name: "shop-1",
    reconnectWindow: 5_000,
  });
  assertMatch(text, /reconnectWindow: 5s # ours/);
  assertEquals(await Deno.readTextFile(path), text);
});

Deno.test("settings of an agent that differ are found by name: addresses, updates and log change at once", () => {
  const before: AgentConfig = {
    name: "web-1",
    addresses: ["mgr:7051"],
    serverName: "a.piri.internal",
    caPem: "a",
    secret: "a",
    reconnectWindow: undefined,
    allowTestOperations: false,
    updates: "manager",
    updateKeys: [],
    commands: { path: "/bin", umask: 0o22, environment: {}, limits: {} },
    customOperations: { allow: "all" },
    log: { level: "info", format: "text" },
  };
  const after: AgentConfig = {
    name: "web-2",
    addresses: ["mgr:7051", "other:7051"],
    serverName: "b.piri.internal",
    caPem: "b",
    secret: "b",
    reconnectWindow: 5_000,
    allowTestOperations: true,
    updates: "manual",
    updateKeys: ["RWQ"],
    customOperations: { allow: ["nginx"], runAs: "nobody" },
    commands: {
      path: "/usr/bin",
      umask: 0o27,
      environment: { A: "1" },
      limits: { openFiles: { soft: 512, hard: 512 } },
    },
    log: { level: "debug", format: "json" },
  };

  assertEquals(compareSettings(AGENT_SETTINGS, before, after), {
    changed: [
      "addresses",
      "updates",
      "updateKeys",
      "log.level",
      "log.format",
    ],
    later: [
      "name",
      "serverName",
      "caPem",
      "secret",
      "reconnectWindow",
      "allowTestOperations",
      "commands.path",
      "commands.umask",
      "commands.environment",
      "commands.limits",
      "customOperations",
    ],
  });
  assertEquals(
    new Set(Object.keys(AGENT_SETTINGS).map((name) => name.split(".")[0])),
    new Set(Object.keys(before)),
  );
});
