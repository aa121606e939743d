import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../../../lib/base/sha256.ts";
import type { RemoteShell } from "../../../lib/cli/manager/services.ts";
import { FakeManager } from "../fake_manager.ts";
import { see } from "./start.ts";

const PROGRAM = new TextEncoder().encode("the agent for linux");
const FILES = {
  "rel/piri-agent-linux-x64": PROGRAM,
  "rel/SHA256SUMS": new TextEncoder().encode(
    `${encodeHex(sha256(PROGRAM))}  piri-agent-linux-x64\n`,
  ),
};

/** A Manager, and a host that answers each line by its beginning. */
function host(answers: Record<string, { code?: number; text?: string }> = {}) {
  const manager = new FakeManager();
  const lines: [line: string, input: string][] = [];
  const shells: string[] = [];
  const all = {
    uname: { text: "Linux x86_64\n" },
    umask: { text: "/root/.piri-x1y2z3\n" },
    "'/root": { text: "joined as web-1, the Manager is at mgr:7051\n" },
    sudo: { text: "joined as web-1, the Manager is at mgr:7051\n" },
    ...answers,
  };
  const run: RemoteShell["run"] = (line, input) => {
    lines.push([line, new TextDecoder().decode(input)]);
    const [, { code = 0, text = "" } = {}] =
      Object.entries<{ code?: number; text?: string }>(all)
        .find(([start]) => line.startsWith(start)) ?? [];
    const [stdout, stderr] = code === 0 ? [text, ""] : ["", text];
    return Promise.resolve({ code, stdout, stderr });
  };
  manager.remoteShell = (destination) => {
    shells.push(destination);
    return Promise.resolve({ run });
  };
  return { manager, lines, shells };
}

const ARGS = ["agent", "install", "root@web-1", "--from", "rel"];

Deno.test("agent install copies what the sums say by ssh, and gives the token on standard input", async () => {
  const { manager, lines, shells } = host();
  const { code, stdout, stderr } = await see([...ARGS, "--group", "web"], {
    manager,
    files: FILES,
  });

  assertEquals([code, stdout], [
    0,
    "joined as web-1, the Manager is at mgr:7051\n",
  ]);
  assertEquals(stderr, "copied the agent for linux-x64 to root@web-1\n");
  assertEquals(shells, ["root@web-1"]);
  assertEquals(
    manager.additions.map(({ id, groups }) => [id, groups]),
    [["web-1", ["web"]]],
  );
  assertEquals(lines.map(([, input]) => input), [
    "",
    "the agent for linux",
    "piri1.token\n",
  ]);
  assertEquals(
    lines.at(-1)?.[0],
    "'/root/.piri-x1y2z3'/piri-agent join --token-file - --service; code=$?; rm -rf '/root/.piri-x1y2z3'; exit $code",
  );
});

Deno.test("agent install adds no agent before the program is on its host", async () => {
  const damaged = { ...FILES, "rel/piri-agent-linux-x64": new Uint8Array(1) };
  const cases = [
    [host({ uname: { text: "SunOS sparc" } }), FILES, 'no agent for "SunOS'],
    [host({ uname: { code: 255, text: "no route" } }), FILES, "no route"],
    [host(), damaged, "is not what SHA256SUMS says"],
    [host({ umask: { code: 1, text: "disk full" } }), FILES, "disk full"],
  ] as const;
  for (const [{ manager }, files, words] of cases) {
    const { code, stderr } = await see(ARGS, { manager, files });
    assertEquals([code === 0, manager.additions], [false, []]);
    assertStringIncludes(stderr, words);
  }
});

Deno.test("agent install by sudo says why a host did not join, and what to do then", async () => {
  const text = "error: Cannot join: refused\n";
  const { manager, lines } = host({ sudo: { code: 3, text } });
  const { code, stderr } = await see(
    [...ARGS, "--sudo", "--name", "shop"],
    { manager, files: FILES },
  );

  assertEquals(code, 3);
  assertStringIncludes(lines.at(-1)?.[0] ?? "", "sudo -n '/root/.piri-");
  assertStringIncludes(
    stderr,
    "error: Cannot let the host join: Cannot join: refused\n",
  );
  assertStringIncludes(stderr, "piri-manager agent token shop");
});
