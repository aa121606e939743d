import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { parsePolicy, readPolicy } from "../../../lib/agent/policy/policy.ts";
import { signerText } from "../../../lib/base/signed_work.ts";
import { unlimitedBy } from "../../../lib/agent/policy/unlimited.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { operations } from "../../../lib/operations/registry.ts";
import { ownerTest, STRANGER } from "../../support/other_owner.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const KEY = signerText(new Uint8Array(32));

const SHORT = `
mode: rules
allow:
  - do: command.Run
`;

Deno.test("a mistake in a policy is told with its line and what to write", async () => {
  const mistakes: [text: string, message: string][] = [
    ["", `"mode" is missing`],
    [
      "mode: none",
      `line 1: "mode" is wrong: it should be all, rules or observe`,
    ],
    ["- mode: all", "line 1: it should be settings, as key: value"],
    ["mode: [", "line 1: "],
    [
      "mode: all\nallows: []",
      `line 2: "allows" is not a setting; did you mean "allow"?`,
    ],
    [
      "mode: rules",
      `line 1: "mode" is wrong: without allow, mode: rules allows nothing`,
    ],
    [
      "mode: all\nallow: []",
      `line 2: "allow" is wrong: only mode: rules and mode: observe have such rules`,
    ],
    [
      "mode: all\ndeny: [{ do: command.Run, argv: [/bin/sh, ...] }]",
      `line 2: "deny" is wrong: argv needs mode: rules`,
    ],
    [
      "mode: all\nsigners: { alice: x }",
      `line 2: "signers.alice" is wrong: it should be "ed25519:" and 44 characters`,
    ],
    [
      `mode: all\nsigners: { alice: "${KEY}", bob: "${KEY}" }`,
      `line 2: "signers" is wrong: two signers have the same key`,
    ],
    [
      `mode: all\nsigners: { "a b": "${KEY}" }`,
      `line 2: "signers.a b" is wrong: a name has letters, digits, and _ . @ -`,
    ],
    [
      `mode: all\nsigners: { alice: "${KEY}" }\nrequire: [{ do: command.Run, signatures: 2 }]`,
      `line 3: "require" is wrong: it asks for 2 signatures, and signers has 1 keys`,
    ],
    [
      "mode: all\nrequire: [{ do: command.Run, signatures: 0 }]",
      `line 2: "require 1.signatures" is wrong: it should be a number from 1 to 16`,
    ],
    [
      "mode: all\nmost: { concurrent: 33 }",
      `line 2: "most.concurrent" is wrong: it should be a number from 1 to 32`,
    ],
    [
      "mode: all\nmost: { output: much }",
      `line 2: "most.output" is wrong: it should be a number and one of B, KiB`,
    ],
    [
      "mode: all\nmost: { timeout: 1ms }",
      `line 2: "most.timeout" is wrong: it should be from 1s to 365d`,
    ],
    [
      "mode: all\nmost: { memory: 1 }",
      `line 2: "most.memory" is not a setting; there are concurrent, output, timeout`,
    ],
    [
      "mode: rules\nallow: yes",
      `line 2: "allow" is wrong: it should be a list of rules, as - do: command.Run`,
    ],
    [
      "mode: rules\nallow:\n - argv: [/bin/ls]",
      `line 3: "allow 1.do" is missing`,
    ],
    [
      "mode: rules\nallow:\n - do: comand.Run",
      `line 3: "allow 1.do" is wrong: this version has no operation "comand.Run"; did you mean "command.Run"?`,
    ],
    [
      "mode: rules\nallow:\n - do: [command.Run, nothing.*]",
      `line 3: "allow 1.do 2" is wrong: this version has no operation "nothing.*"`,
    ],
    [
      `${SHORT}    argv: systemctl`,
      `line 5: "allow 1.argv" is wrong: it should be a list of the program and its arguments`,
    ],
    [
      `${SHORT}    argv: []`,
      `line 5: "allow 1.argv" is wrong: it should begin with a program; leave argv out`,
    ],
    [
      `${SHORT}    argv: [...]`,
      `line 5: "allow 1.argv" is wrong: it should begin with a program; leave argv out`,
    ],
    [
      `${SHORT}    argv: [systemctl]`,
      `line 5: "allow 1.argv" is wrong: a program should be an absolute path`,
    ],
    [
      `${SHORT}    argv: [/bin/ls, ..., -l]`,
      `line 5: "allow 1.argv" is wrong: "..." should be the last word`,
    ],
    [
      `${SHORT}    argv: [/bin/ls, 5]`,
      `line 5: "allow 1.argv 2" is wrong: it should be text in quotes`,
    ],
    [
      `${SHORT}    path: etc`,
      `line 5: "allow 1.path" is wrong: it should be absolute paths`,
    ],
    [
      `${SHORT}    path: /etc/../root`,
      `line 5: "allow 1.path" is wrong: it should be absolute paths`,
    ],
    [
      `${SHORT}    path: /etc/**/x`,
      `line 5: "allow 1.path" is wrong: "**" should be the last part of a path`,
    ],
    [
      `${SHORT}    user: "a b"`,
      `line 5: "allow 1.user" is wrong: it should be users, as root, www-data:adm or root|deploy`,
    ],
    [
      `${SHORT}    within: Mon-Fri 8-18`,
      `line 5: "allow 1.within" is wrong: "8-18" is no range of times`,
    ],
    [
      `${SHORT}    stdin: 1`,
      `line 5: "allow 1.stdin" is wrong: it should be true or false`,
    ],
    [
      `${SHORT}    env: "A=B"`,
      `line 5: "allow 1.env" is wrong: it should be names of variables, without =`,
    ],
    [
      `${SHORT}    signatures: 2`,
      `line 5: "allow 1.signatures" is not a setting; there are do, argv, path, user, within, env, stdin, cwd`,
    ],
    [
      "mode: all\ndeny:\n - { do: file.*, stdin: true }",
      `line 3: "deny 1.stdin" is not a setting`,
    ],
  ];
  const told = await Promise.all(mistakes.map(async ([text, message]) => {
    const error = await assertRejects(
      () => parsePolicy(text, "policy.yaml"),
      PiriError,
      undefined,
      text,
    );
    return error.message.replace('Cannot read "policy.yaml": ', "")
      .slice(0, message.length);
  }));
  assertEquals(told, mistakes.map(([, message]) => message));
});

Deno.test("a missing policy file allows everything, and one that cannot be used allows nothing", async () => {
  await using folder = await TempFolder.make();
  assertEquals(await readPolicy(folder.path), {
    policy: { mode: "all", deny: [], most: {}, signers: {}, require: [] },
    sha256: "",
    error: "",
  });
  const path = await folder.write("policy.yaml", "mode: al");
  await Deno.chmod(path, 0o600);
  const { policy, sha256, error } = await readPolicy(folder.path);
  assertEquals(policy, undefined);
  assertMatch(sha256, /^[0-9a-f]{64}$/);
  assertMatch(error, /line 1: "mode" is wrong/);
});

Deno.test({
  name: "a policy that others may read or write allows nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TempFolder.make();
    const path = await folder.write("policy.yaml", "mode: all");
    await Deno.chmod(path, 0o620);
    const { policy, error } = await readPolicy(folder.path);
    assertEquals(policy, undefined);
    assertMatch(error, /its mode is 0620.*run chmod 600/);
  },
});

ownerTest("a policy that belongs to another user allows nothing", async () => {
  await using folder = await TempFolder.make();
  const path = await folder.write("policy.yaml", "mode: all");
  await Deno.chmod(path, 0o600);
  await Deno.chown(path, STRANGER, STRANGER);
  const { policy, error } = await readPolicy(folder.path);
  assertEquals(policy, undefined);
  assertMatch(error, /it belongs to uid 65534.*run chown 0/);
});

Deno.test("a policy that can be got around is called unlimited, with the way", async () => {
  const rules: [rule: string, ways: string[]][] = [
    ["{ do: command.Run }", ["it allows every program"]],
    ["{ do: '*' }", [
      "it allows every program",
      "it allows to write every file",
    ]],
    [`{ do: command.Run, argv: ["/bin/sh", "-c", "*"] }`, [
      `"/bin/sh" runs whatever its arguments say`,
    ]],
    [`{ do: command.Run, argv: ["/bin/bash"], stdin: true }`, [
      `"/bin/bash" runs whatever its arguments say`,
    ]],
    [`{ do: command.Run, argv: ["/bin/sh", "/opt/backup.sh"] }`, []],
    [`{ do: command.Run, argv: ["/usr/bin/python3.11", "..."] }`, [
      `"/usr/bin/python3.11" runs whatever its arguments say`,
    ]],
    [`{ do: command.Run, argv: ["/usr/bin/java", "-jar", "*"] }`, [
      `"/usr/bin/java" runs whatever its arguments say`,
    ]],
    [`{ do: command.Run, argv: ["/usr/bin/id|/usr/bin/env", "..."] }`, [
      `"/usr/bin/env" runs whatever its arguments say`,
    ]],
    [`{ do: command.Run, argv: ["/usr/bin/*"] }`, [
      `it allows all programs that are called "/usr/bin/*"`,
    ]],
    [`{ do: command.Run, argv: ["/usr/bin/id"], env: "LD_*" }`, [
      `by the variable "LD_PRELOAD" a program runs something else`,
    ]],
    [
      `{ do: command.Run, argv: ["/usr/bin/systemctl", "restart", "nginx"] }`,
      [],
    ],
    [`{ do: file.Fetch, path: "/etc/**" }`, [
      `it allows to write files as "/etc/systemd/system/x.service", by which a host runs programs or lets people in`,
    ]],
    [`{ do: file.Put, path: "/etc/nginx/**" }`, []],
    [`{ do: file.Read, path: "/**" }`, []],
    [
      `{ do: file.Put, path: "/opt/**" }, { do: command.Run, argv: ["/opt/app"] }`,
      [`it allows to write "/opt/app", which a rule allows to run`],
    ],
  ];
  for (const [rule, ways] of rules) {
    const policy = await parsePolicy(
      `mode: rules\nallow: [${rule}]`,
      "policy.yaml",
    );
    assertEquals(unlimitedBy(policy), ways.map((way) => `allow 1: ${way}`));
  }
  assertEquals(
    unlimitedBy(await parsePolicy("mode: observe", "policy.yaml")),
    [],
  );
});

Deno.test("a policy is limited where its signers have to sign what could get around it", async () => {
  const ways: [require: string, mode: string, ways: string[]][] = [
    ['"*"', "all", []],
    ["command.Run", "all", [
      `mode: all allows to write every file by state.Apply, apt.Installed, apt.UnattendedUpgrade and ${
        operations.filter(({ acts, name }) =>
          acts && !/^(agent|command|state|wait)\./.test(name)
        ).length - 2
      } more`,
    ]],
    ["file.*", "all", ["mode: all allows every program"]],
    // A job of cron and the like runs programs, too.
    ["[command.Run, file.*]", "rules\nallow: [{ do: '*' }]", [
      "allow 1: it allows to write every file",
    ]],
    ["[command.Run, file.*]", "rules\nallow: [{ do: 'file.*' }]", []],
    ["'*'", "rules\nallow: [{ do: '*' }]", []],
    ["command.Run", "rules\nallow: [{ do: '*' }]", [
      "allow 1: it allows to write every file",
    ]],
  ];
  for (const [require, mode, expected] of ways) {
    const policy = await parsePolicy(
      `mode: ${mode}\nsigners: { alice: "${KEY}" }\nrequire: [{ do: ${require}, signatures: 1 }]`,
      "policy.yaml",
    );
    assertEquals(unlimitedBy(policy), expected);
  }
});
