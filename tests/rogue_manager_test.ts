import { assertEquals } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { CommandResult_Status } from "../proto/gen/piri/agent/v1/agent_messages.ts";
import { AgentCore } from "../lib/agent/core.ts";
import { readPolicy } from "../lib/agent/policy/policy.ts";
import { PolicyGate } from "../lib/agent/policy/policy_gate.ts";
import { WorkerPool } from "../lib/agent/workers/worker_pool.ts";
import { systemClock } from "../lib/base/clock.ts";
import { byteCalls } from "../lib/files/byte_calls.ts";
import { KEYLESS_FEATURES } from "../lib/wire/features.ts";
import { memoryTransports } from "../lib/wire/memory_transport.ts";
import { countingRandom } from "./support/counting_random.ts";
import { NO_AUDIT } from "./support/heard_audit.ts";
import { MANAGER, MemoryAgent } from "./support/memory_agent.ts";
import { ScriptedPeer } from "./support/scripted_peer.ts";
import { TempFolder } from "./support/temp_folder.ts";

// Opened once here: a test that opened it would fail for not closing it.
byteCalls();

const BLOB = "b".repeat(64);

/** Agent with real threads and a policy on its disk, and a Manager that says whatever a test wants. */
async function makeHost() {
  await using undo = new AsyncDisposableStack();
  const folder = undo.use(await TempFolder.make());
  const dir = folder.at("agent");
  await folder.write("agent/agent.key", "key");
  await folder.write("srv/private/x", "private");
  await folder.write("srv/site/index.html", "site");
  await folder.write("bin/tool", "#!/bin/sh\necho tool\n");
  await Deno.chmod(folder.at("bin/tool"), 0o755);
  await Deno.symlink("/bin/sh", folder.at("bin/shell"));
  await Deno.symlink(dir, folder.at("srv/agent"));
  await Deno.symlink(folder.path, folder.at("srv/up"));
  await Deno.link(folder.at("agent/agent.key"), folder.at("srv/key"));
  const policy = await folder.write(
    "agent/policy.yaml",
    `
mode: rules
allow:
  - { do: command.Run, argv: ["/bin/echo", "hello|bye"] }
  - { do: command.Run, argv: ["${folder.path}/bin/*"] }
  - { do: "file.*", path: "${folder.path}/srv/**" }
deny:
  - { do: "file.*", path: "${folder.path}/srv/private" }
`,
  );
  await Deno.chmod(policy, 0o600);
  const parts = undo.use(await MemoryAgent.start());
  const workers = new WorkerPool({ allowTestOperations: false });
  undo.defer(() => workers.close());
  const [ours, theirs] = memoryTransports();
  const manager = new ScriptedPeer(theirs);
  const core = new AgentCore({
    identity: { name: "web-1", secret: "secret", facts: {} },
    audit: NO_AUDIT,
    journal: parts.journal,
    policy: new PolicyGate(await readPolicy(dir), {
      own: { folder: dir, files: [folder.at("piri-agent")] },
    }),
    workers,
    clock: systemClock,
    random: countingRandom(),
    dial: () => Promise.resolve(ours),
    endSurvivors: () => Promise.resolve({ signalled: 0, alive: [] }),
  });
  await core.start();
  undo.defer(async () => {
    manager.hangUp();
    await core.stop();
  });
  await manager.hears("clientHello");
  await manager.says("serverHello", {
    version: 1,
    features: KEYLESS_FEATURES.filter((feature) => feature !== "output"),
    managerId: MANAGER,
    // On a busy machine the commands take longer than the usual time between two pings.
    pingIntervalMs: 3_600_000,
  });
  const kept = undo.move();
  return {
    folder,
    manager,
    journal: parts.journal,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Names and contents of all files of a folder, without following links. */
function snapshot(path: string): string[] {
  return [...Deno.readDirSync(path)].flatMap(({ name, isDirectory, isFile }) =>
    isDirectory ? snapshot(`${path}/${name}`) : [
      `${path}/${name}: ${
        isFile ? Deno.readTextFileSync(`${path}/${name}`) : ""
      }`,
    ]
  ).toSorted();
}

/** Sheet of one step. */
function sheetOf(operation: string, params: object): object {
  return { format: 1, state: "", steps: [{ name: "x", operation, params }] };
}

type Forbidden = readonly [operation: string, params: unknown];

/** Commands that would each leave a trace, or show what is not for the Manager. */
function forbiddenCommands(root: string): readonly Forbidden[] {
  const trace = `${root}/trace`;
  const run = (...argv: string[]): Forbidden => ["command.Run", { argv }];
  const echo = (more: object): Forbidden => [
    "command.Run",
    { argv: ["/bin/echo", "hello"], ...more },
  ];
  const write = (path: string): Forbidden => [
    "file.Installed",
    { path, source: "trace", method: "content" },
  ];
  const read = (path: string, name = ""): Forbidden => [
    "file.Read",
    { path, parts: [{ name, offset: 0, length: 1 }] },
  ];
  return [
    run("/bin/sh", "-c", `echo > ${trace}`),
    run("sh", "-c", `echo > ${trace}`),
    ["command.Run", { shell: `echo > ${trace}` }],
    [
      "command.Run",
      {
        argv_base64: ["/bin/sh", "-c", `echo > ${trace}`].map((word) =>
          encodeBase64(word)
        ),
      },
    ],
    run(`${root}/bin/shell`),
    run(`${root}/bin/shell`, "-c", `echo > ${trace}`),
    run(`${root}/bin/../bin/tool`),
    run("/bin/echo", "hello", "more"),
    run("/bin/echo", "hello;id"),
    run("/bin/echo", "-e"),
    run("echo", "hello"),
    run("/usr/bin/touch", trace),
    run("/usr/bin/env", "/bin/echo", "hello"),
    echo({ env: { LD_PRELOAD: `${root}/srv/evil.so` } }),
    echo({ env: { PATH: `${root}/srv` } }),
    echo({ env: { BASH_ENV: `${root}/srv/evil.sh` } }),
    echo({ cwd: `${root}/srv` }),
    echo({ stdin: "input" }),
    echo({ stdin_blob: BLOB }),
    echo({ user: "nobody" }),
    echo({ group: "daemon" }),
    echo({ umask: "000" }),
    write(trace),
    write(`${root}/srv/../trace`),
    write(`${root}/srv/up/trace`),
    write(`${root}/srv/up/bin/tool`),
    write(`${root}/srv/agent/policy.yaml`),
    write(`${root}/agent/policy.yaml`),
    write(`${root}/piri-agent`),
    write(`${root}/srv/private/x`),
    write(`${root}/srv/private/y`),
    ["file.Installed", {
      path: `${root}/srv/suid`,
      source: "trace",
      method: "content",
      mode: "4755",
    }],
    ["file.Fetch", { path: trace, source: "x" }],
    ["file.Fetch", { path: `${root}/srv/up/a/b`, source: "x", parents: true }],
    ["file.Put", { path: `${root}/srv/agent/`, tree: BLOB }],
    ["file.Put", { path: `${root}/`, tree: BLOB, delete: true }],
    read(`${root}/agent/agent.key`),
    read(`${root}/srv/agent/agent.key`),
    read(`${root}/srv`, "private/x"),
    ["file.List", { path: `${root}/srv/agent/` }],
    ["file.Stat", { path: `${root}/srv/key` }],
    read("/proc/self/mem"),
    read(`/proc/${Deno.pid}/environ`),
    ["file.Line", { path: trace, line: "trace", create: true }],
    ["file.Line", { path: `${root}/srv/up/x`, line: "x", create: true }],
    ["file.Block", { path: `${root}/srv/private/x`, content: "x" }],
    ["file.Dir", { path: `${root}/srv/suid`, mode: "4755" }],
    ["file.Dir", { path: `${root}/srv/agent`, mode: "0777" }],
    ["file.Absent", { path: `${root}/srv/private`, recurse: true }],
    ["file.Symlinked", {
      path: `${root}/srv/link`,
      target: `${root}/agent/agent.key`,
    }],
    ["file.Symlinked", { path: `${root}/srv/link`, target: "private/x" }],
    ["state.Apply", {
      sheet: sheetOf("file.Line", { path: trace, line: "x" }),
    }],
    ["state.Plan", { sheet: sheetOf("command.Run", { shell: "true" }) }],
    ["command.RunMultiple", { commands: [`echo > ${trace}`] }],
    ["wait.For", { port: 1 }],
    ["agent.Audit", { manager: "m-1" }],
    ["agent.Facts", {}],
    ["echo.Echo", { text: "hello" }],
    ["test.Sleep", { seconds: 1 }],
    ["no.Such", {}],
  ];
}

Deno.test({
  name: "a rogue Manager sends 40 forbidden commands, and not one begins",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using host = await makeHost();
    const { folder, manager, journal } = host;
    const before = snapshot(folder.path);
    const commands = forbiddenCommands(folder.path);
    const begun: Forbidden[] = [];
    for (const [index, [type, params]] of commands.entries()) {
      await manager.says("command", {
        commandId: BigInt(index + 1),
        nonce: 1n,
        type,
        data: JSON.stringify(params),
      });
      const { status } = await manager.hears("result");
      begun.push(
        ...status === CommandResult_Status.REFUSED
          ? []
          : [[type, params] as const],
      );
    }
    assertEquals(begun, []);
    assertEquals(commands.length >= 40, true);
    assertEquals(journal.lastCommandId, 0n);
    assertEquals(snapshot(folder.path), before);

    // The same agent does what its rules allow.
    await manager.says("command", {
      commandId: 100n,
      nonce: 1n,
      type: "command.Run",
      data: JSON.stringify({ argv: [folder.at("bin/tool")] }),
    });
    let next = await manager.next();
    while (next?.case === "progress" || next?.case === "commandOutput") {
      next = await manager.next();
    }
    assertEquals(
      next?.case === "result" && next.value.status,
      CommandResult_Status.SUCCESS,
    );
  },
});
