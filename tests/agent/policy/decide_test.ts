import { assertEquals } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { join } from "@std/path";
import { parsePolicy } from "../../../lib/agent/policy/policy.ts";
import { PolicyGate } from "../../../lib/agent/policy/policy_gate.ts";
import { byteCalls } from "../../../lib/files/byte_calls.ts";
import { operations } from "../../../lib/operations/registry.ts";
import { ownUser } from "../../../lib/operations/user.ts";
import { TempFolder } from "../../support/temp_folder.ts";

// Opened once here: a test that opened it would fail for not closing it.
byteCalls();

// A Monday, 10:00 UTC.
const NOW = Date.parse("2026-11-23T10:00Z");
const BLOB = "a".repeat(64);
const ignore = Deno.build.os === "windows";
const own = ignore ? undefined : await ownUser();
const ME = own?.name ?? "";
const OTHER = ME === "nobody" ? "root" : "nobody";

/** Host with files, links and an agent's own folder. */
async function makeHost() {
  const folder = await TempFolder.make();
  const root = folder.path;
  const at = (...parts: string[]) => join(root, ...parts);
  for (
    const name of ["agent", "agent/journal", "bin", "srv/site", "srv/other"]
  ) await Deno.mkdir(at(name), { recursive: true });
  await Deno.writeTextFile(at("agent/agent.key"), "key");
  await Deno.writeTextFile(at("bin/tool"), "");
  await Deno.writeTextFile(at("srv/site/index.html"), "");
  await Deno.writeTextFile(at("srv/secret"), "");
  await Deno.writeTextFile(at("piri-agent"), "");
  await Deno.symlink(at("bin"), at("bin-link"));
  await Deno.symlink("/bin/sh", at("bin/sneaky"));
  await Deno.symlink(at("srv/other"), at("srv/site/away"));
  await Deno.symlink(at("agent"), at("srv/site/agent"));
  await Deno.link(at("agent/agent.key"), at("srv/site/key"));
  return {
    root,
    at,
    own: { folder: at("agent"), files: [at("piri-agent")] },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const policyOf = (root: string) =>
  `
mode: rules
allow:
  - { do: command.Run, argv: ["/usr/bin/systemctl", "restart|reload", "nginx|php*"] }   # 1
  - { do: command.Run, argv: ["${root}/bin/*"] }                                       # 2
  - { do: command.Run, argv: ["${root}/bin/tool", "--file", "*"], user: "${OTHER}" }   # 3
  - { do: command.Run, argv: ["/usr/bin/journalctl", "..."], within: "Sat,Sun UTC" }   # 4
  - { do: command.Run, argv: ["/usr/bin/env-tool"], env: ["LANG", "APP_*"], stdin: true, cwd: ["${root}/srv/**"] } # 5
  - { do: "file.Fetch|file.Put|file.Read", path: "${root}/never" }
  - { do: [file.Fetch, file.Put], path: ["${root}/srv/site/**"] }                      # 7
  - { do: file.Read, path: ["${root}/srv/*"], user: "${ME}" }                          # 8
  - { do: command.Run, argv: ["/usr/bin/tail", "/var/log/*", "..."] }                  # 9
  - { do: echo.Echo }                                                                       # 10
  - { do: command.Run, argv: ["/usr/bin/id", "..."], user: "*" }                       # 11
  - { do: file.List, path: "${root}/**" }                                              # 12
deny:
  - { do: "*", path: ["${root}/srv/site/private*"] }
  - { do: command.Run, argv: ["/usr/bin/id", "--secret*", "..."] }
  - { do: command.Run, argv: ["${root}/bin/forbidden"] }
`.replace(
    '"file.Fetch|file.Put|file.Read"',
    "[file.Fetch, file.Put, file.Read]",
  );

type Params = Readonly<Record<string, unknown>>;

const run = (...argv: string[]): [string, Params] => ["command.Run", { argv }];
const runWith = (more: Params, ...argv: string[]): [string, Params] => [
  "command.Run",
  { argv, ...more },
];
const base64 = (text: string | Uint8Array) => encodeBase64(text);

/** Commands and the rules that decide about them: those that begin with "allow" let them pass. */
const table = (
  at: (...parts: string[]) => string,
): [command: [string, Params], rule: string][] => [
  // Whole arguments.
  [run("/usr/bin/systemctl", "restart", "nginx"), "allow 1"],
  [run("/usr/bin/systemctl", "reload", "php8.3-fpm"), "allow 1"],
  [run("/usr/bin/systemctl", "stop", "nginx"), "no rule"],
  [run("/usr/bin/systemctl", "restart", "nginx.evil"), "no rule"],
  [run("/usr/bin/systemctl", "restart", "nginx", "sshd"), "no rule"],
  [run("/usr/bin/systemctl", "restart"), "no rule"],
  [run("/usr/bin/systemctl", "restart nginx"), "no rule"],
  [run("/usr/bin/systemctl", "restart|reload", "nginx"), "no rule"],
  [run("/usr/bin/systemctl", "restart", "php/../../x"), "no rule"],
  [run("/usr/bin/systemctl", "restart", "php\nnginx"), "allow 1"],
  [run("/usr/bin/systemctl", "RESTART", "nginx"), "no rule"],
  [run("/usr/bin/systemctl", "restart", "nginx", ""), "no rule"],
  // Programs by their full paths only.
  [run("systemctl", "restart", "nginx"), "mode: rules"],
  [run("./systemctl", "restart", "nginx"), "mode: rules"],
  [run("/usr/bin/../bin/systemctl", "restart", "nginx"), "mode: rules"],
  [run("/usr//bin/systemctl", "restart", "nginx"), "mode: rules"],
  [run("/usr/bin/systemctl/", "restart", "nginx"), "mode: rules"],
  [run("", "restart", "nginx"), "mode: rules"],
  [run("/usr/bin/systemctl ", "restart", "nginx"), "no rule"],
  // Shells.
  [run("/bin/sh", "-c", "systemctl restart nginx"), "no rule"],
  [run("bash", "-c", "id"), "mode: rules"],
  [["command.Run", { shell: "systemctl restart nginx" }], "no rule"],
  [["command.Run", { shell: "/usr/bin/systemctl restart nginx" }], "no rule"],
  // Programs in a folder, and links.
  [run(at("bin/tool")), "allow 2"],
  [run(at("bin-link/tool")), "no rule"],
  [run(at("bin/sneaky")), "no rule"],
  [run(at("bin/sub/tool")), "no rule"],
  [run(at("bin/missing")), "allow 2"],
  [run(at("bin/forbidden")), "deny 3"],
  [run(at("bin-link/forbidden")), "deny 3"],
  // What a wildcard stands for is no option and no way up.
  [runWith({ user: OTHER }, at("bin/tool"), "--file", "x.txt"), "allow 3"],
  [runWith({ user: OTHER }, at("bin/tool"), "--file", "--all"), "no rule"],
  [runWith({ user: OTHER }, at("bin/tool"), "--file", ".."), "no rule"],
  [runWith({ user: OTHER }, at("bin/tool"), "--file", "a/b"), "no rule"],
  [run("/usr/bin/tail", "/var/log/syslog"), "allow 9"],
  [run("/usr/bin/tail", "/var/log/../shadow"), "no rule"],
  [run("/usr/bin/tail", "/var/log/.."), "no rule"],
  [run("/usr/bin/tail", "/var/log/a/b"), "no rule"],
  // Users.
  [run(at("bin/tool"), "--file", "x.txt"), "no rule"],
  [runWith({ user: OTHER }, at("bin/tool")), "no rule"],
  [
    runWith({ user: OTHER }, "/usr/bin/systemctl", "restart", "nginx"),
    "no rule",
  ],
  [runWith({ user: ME }, "/usr/bin/systemctl", "restart", "nginx"), "allow 1"],
  [
    runWith({ user: "no-such-user" }, "/usr/bin/systemctl", "restart", "nginx"),
    "NOT_FOUND",
  ],
  [runWith({ user: OTHER }, "/usr/bin/id"), "allow 11"],
  [run("/usr/bin/id", "-u"), "allow 11"],
  [run("/usr/bin/id", "--secrets"), "deny 2"],
  [run("/usr/bin/id", "--secrets", "more"), "deny 2"],
  // Times.
  [run("/usr/bin/journalctl", "-f"), "no rule"],
  // Variables, input, folder, umask.
  [run("/usr/bin/env-tool"), "allow 5"],
  [
    runWith(
      { env: { LANG: "C", APP_X: "1" }, stdin: "x", cwd: at("srv/site") },
      "/usr/bin/env-tool",
    ),
    "allow 5",
  ],
  [runWith({ env: { LD_PRELOAD: "x" } }, "/usr/bin/env-tool"), "no rule"],
  [runWith({ env: { PATH: "/tmp" } }, "/usr/bin/env-tool"), "no rule"],
  [
    runWith(
      { env: { LD_PRELOAD: "x" } },
      "/usr/bin/systemctl",
      "reload",
      "php",
    ),
    "no rule",
  ],
  [
    runWith({ env: { PATH: "/tmp" } }, "/usr/bin/systemctl", "reload", "php"),
    "no rule",
  ],
  [runWith({ env: {} }, "/usr/bin/systemctl", "reload", "php"), "allow 1"],
  [runWith({ stdin: "x" }, "/usr/bin/systemctl", "reload", "php"), "no rule"],
  [
    runWith({ stdin_blob: BLOB }, "/usr/bin/systemctl", "reload", "php"),
    "no rule",
  ],
  [runWith({ cwd: "/tmp" }, "/usr/bin/systemctl", "reload", "php"), "no rule"],
  [runWith({ cwd: at("bin") }, "/usr/bin/env-tool"), "no rule"],
  [
    runWith({ cwd: `${at("srv")}/../bin` }, "/usr/bin/env-tool"),
    "mode: rules",
  ],
  [runWith({ cwd: "srv" }, "/usr/bin/env-tool"), "mode: rules"],
  [runWith({ cwd: at("srv/site/agent") }, "/usr/bin/env-tool"), "mode: rules"],
  [runWith({ umask: "000" }, "/usr/bin/env-tool"), "mode: rules"],
  [runWith({ umask: "077" }, "/usr/bin/env-tool"), "allow 5"],
  // Bytes.
  [
    ["command.Run", {
      argv_base64: ["/usr/bin/systemctl", "reload", "php"].map(base64),
    }],
    "allow 1",
  ],
  [
    ["command.Run", {
      argv_base64: [
        base64("/usr/bin/systemctl"),
        base64("reload"),
        base64(new Uint8Array([112, 104, 112, 255])),
      ],
    }],
    "mode: rules",
  ],
  // Files.
  [["file.Fetch", { source: "x", path: at("srv/site/x") }], "allow 7"],
  [["file.Fetch", { source: "x", path: at("srv/site/a/b/c") }], "allow 7"],
  [["file.Fetch", { source: "x", path: at("srv/x") }], "no rule"],
  [["file.Fetch", { source: "x", path: at("srv/site2/x") }], "no rule"],
  [["file.Fetch", { source: "x", path: "srv/site/x" }], "INVALID_ARGUMENT"],
  [["file.Fetch", { source: "x", path: at("srv/site/away/x") }], "no rule"],
  [
    ["file.Fetch", {
      source: "x",
      path: at("srv/site/away/new/x"),
      parents: true,
    }],
    "no rule",
  ],
  [
    ["file.Fetch", { source: "x", path: `${at("srv/site")}/../x` }],
    "mode: rules",
  ],
  [["file.Fetch", { source: "x", path: at("srv/site/private") }], "deny 1"],
  [["file.Fetch", { source: "x", path: at("srv/site/private/x") }], "deny 1"],
  [
    ["file.Fetch", { source: "x", path: at("srv/site/x"), mode: "4755" }],
    "mode: rules",
  ],
  [
    ["file.Fetch", { source: "x", path: at("srv/site/x"), user: OTHER }],
    "no rule",
  ],
  [["file.Put", { tree: BLOB, path: `${at("srv/site")}/` }], "allow 7"],
  [["file.Put", { tree: BLOB, path: `${at("srv/site/away")}/` }], "no rule"],
  [["file.Put", { tree: BLOB, path: `${at("srv")}/` }], "no rule"],
  [["file.Installed", { source: "x", path: at("srv/site/x") }], "no rule"],
  [read(at("srv/secret"), ""), "allow 8"],
  [read(at("srv"), "secret"), "allow 8"],
  [read(at("srv"), "site/index.html"), "no rule"],
  [read(at("srv/x"), "../../agent/agent.key"), "mode: rules"],
  [["file.Stat", { path: at("srv/secret") }], "no rule"],
  // The agent's own.
  [["file.List", { path: at("srv") }], "allow 12"],
  [["file.List", { path: at("agent") }], "no rule"],
  [["file.List", { path: `${at("srv/site/agent")}/` }], "no rule"],
  [["file.List", { path: at("srv/site/key") }], "no rule"],
  [["file.List", { path: `${at("srv/site/agent")}/journal` }], "no rule"],
  [run("/usr/bin/id", at("agent/agent.key")), "mode: rules"],
  [
    run("/usr/bin/id", `--file=${at("srv/site/agent/agent.key")}`),
    "mode: rules",
  ],
  // Other operations.
  [["echo.Echo", { text: "hello" }], "allow 10"],
  [["agent.Facts", {}], "no rule"],
  [["state.Nothing", {}], "NOT_FOUND"],
  [["command.Run", { argv: [], extra: 1 }], "INVALID_ARGUMENT"],
];

function read(path: string, name: string): [string, Params] {
  return ["file.Read", { path, parts: [{ name, offset: 0, length: 1 }] }];
}

Deno.test({
  name:
    "rules decide by whole arguments, real paths, user, time and what is added",
  ignore,
  async fn() {
    await using host = await makeHost();
    const gate = new PolicyGate({
      policy: await parsePolicy(policyOf(host.root), "policy.yaml"),
      sha256: "",
      error: "",
    }, { own: host.own });
    const rows = table(host.at);
    const lines: string[] = [];
    for (const [[operation, params]] of rows) {
      const asked = { operation, params: JSON.stringify(params) };
      const { rule, refusal } = await gate.judge(asked, NOW);
      const verdict = refusal === undefined ? "runs" : "refused";
      lines.push(`${verdict}, ${rule}: ${operation} ${asked.params}`);
    }
    assertEquals(
      lines,
      rows.map(([[operation, params], rule]) => {
        const verdict = rule.startsWith("allow") ? "runs" : "refused";
        return `${verdict}, ${rule}: ${operation} ${JSON.stringify(params)}`;
      }),
    );
  },
});

Deno.test({
  name: "a refusal names the command, and the rule that nearly allows it",
  ignore,
  async fn() {
    await using host = await makeHost();
    const gate = new PolicyGate({
      policy: await parsePolicy(policyOf(host.root), "policy.yaml"),
      sha256: "",
      error: "",
    }, { own: host.own });
    const refusalOf = async ([operation, params]: [string, Params]) =>
      (await gate.judge({ operation, params: JSON.stringify(params) }, NOW))
        .refusal;
    assertEquals(
      await refusalOf(run("/bin/bash", "-c", "id")),
      `Cannot run command.Run ["/bin/bash","-c","id"] here: no rule of this agent's policy allows it`,
    );
    assertEquals(
      await refusalOf(
        runWith({ env: { PATH: "/tmp" } }, "/usr/bin/env-tool"),
      ),
      `Cannot run command.Run ["/usr/bin/env-tool"] here: no rule of this agent's policy allows it; allow 5 would, but not with the variable "PATH"`,
    );
    assertEquals(
      await refusalOf(run("/usr/bin/journalctl", "-f")),
      `Cannot run command.Run ["/usr/bin/journalctl","-f"] here: no rule of this agent's policy allows it; allow 4 would, but only within Sat,Sun UTC`,
    );
    assertEquals(
      await refusalOf(["file.List", { path: host.at("agent") }]),
      `Cannot run file.List "${host.at("agent")}" here: "${
        host.at("agent")
      }" belongs to the agent itself`,
    );
  },
});

Deno.test("the mode observe allows only operations that leave the host as it is", async () => {
  const gate = new PolicyGate({
    policy: await parsePolicy("mode: observe", "policy.yaml"),
    sha256: "",
    error: "",
  });
  const params: Record<string, Params> = {
    "agent.Trust": { statement: "{}", signature: "" },
    "agent.Audit": { manager: "m-1" },
    "assert.That": { cmd: "true" },
    "command.Run": { argv: ["id"] },
    "echo.Echo": { text: "x" },
    "file.Absent": { path: "/x" },
    "file.Fetch": { source: "x", path: "/x" },
    "file.Installed": { source: "x", path: "/x" },
    "file.List": { path: "/x" },
    "file.Put": { tree: BLOB, path: "/x" },
    "file.Read": { path: "/x", parts: [{ name: "", offset: 0, length: 1 }] },
    "file.Stat": { path: "/x" },
    "state.Apply": { sheet: { format: 1, state: "", steps: [] } },
    "state.Plan": { sheet: { format: 1, state: "", steps: [] } },
    "wait.For": { port: 1 },
  };
  const allowed = [];
  for (const { name, forTests } of operations) {
    const asked = {
      operation: name,
      params: JSON.stringify(params[name] ?? {}),
    };
    const { refusal } = await gate.judge(asked, NOW);
    allowed.push(...refusal === undefined && !forTests ? [name] : []);
  }
  assertEquals(allowed, [
    "agent.Audit",
    "agent.Facts",
    "agent.Rotate",
    "agent.Trust",
    "assert.That",
    "echo.Echo",
    "file.List",
    "file.Read",
    "file.Stat",
    "noop.Noop",
    "state.Owed",
    "state.Plan",
  ]);
});

Deno.test({
  name:
    "a policy that cannot be read allows nothing, and none protects the agent itself",
  ignore,
  async fn() {
    await using host = await makeHost();
    const wrong = new PolicyGate({ policy: undefined, sha256: "", error: "x" });
    const none = new PolicyGate(undefined, { own: host.own });
    const judged = async (
      gate: PolicyGate,
      operation: string,
      params: Params,
    ) =>
      (await gate.judge({ operation, params: JSON.stringify(params) }, NOW))
        .refusal !== undefined;
    assertEquals(await judged(wrong, "echo.Echo", { text: "x" }), true);
    assertEquals(await judged(none, "command.Run", { argv: ["id"] }), false);
    assertEquals(await judged(none, "file.Stat", { path: host.root }), false);
    const refused: [string, Params][] = [
      ["file.Stat", { path: host.at("agent/agent.key") }],
      ["file.Stat", { path: host.at("srv/site/agent/agent.key") }],
      ["file.Stat", { path: host.at("srv/site/key") }],
      ["file.Stat", { path: `${host.at("srv/site")}/../../agent/agent.key` }],
      ["file.Fetch", { source: "x", path: host.at("agent/policy.yaml") }],
      ["file.Fetch", { source: "x", path: host.at("piri-agent") }],
      ["file.Put", { tree: BLOB, path: `${host.at("agent")}/` }],
    ];
    for (const [operation, params] of refused) {
      assertEquals(await judged(none, operation, params), true, operation);
    }
  },
});
