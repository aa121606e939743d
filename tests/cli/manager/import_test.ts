import { assertEquals, assertStringIncludes } from "@std/assert";
import type { RedpepperImport } from "../../../lib/cli/manager/services.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

const AGENT = {
  id: "web-1",
  groups: ["common", "web"],
  cidrs: ["10.0.0.0/8"],
  secretHash: "ab".repeat(32),
} as const;

/** Manager that an import of one new agent and one new file goes to. */
function manager(changes: Partial<RedpepperImport> = {}) {
  const fake = new FakeManager();
  const written: string[] = [];
  fake.imported = {
    agents: [{ ...AGENT, found: "nothing" }],
    files: [
      { path: "data/all.yaml", found: "same" },
      { path: "states/groups/web.yaml", found: "nothing" },
    ],
    notes: [],
    write: (path) => {
      written.push(path);
      return Promise.resolve();
    },
    ...changes,
  };
  return { fake, written };
}

Deno.test("import redpepper adds new agents, writes new files, and tells both", async () => {
  const { fake, written } = manager();

  const seen = await see(["import", "redpepper", "/rp"], { manager: fake });

  assertEquals(seen.code, 0);
  assertEquals(written, ["states/groups/web.yaml"]);
  assertEquals(seen.stdout.split("\n"), [
    "+ agent web-1; groups common, web; from 10.0.0.0/8; with its secret",
    "= data/all.yaml",
    "+ states/groups/web.yaml",
    "2 are new, 1 are there already, 0 differ, 0 not taken",
    "",
  ]);
  assertStringIncludes(seen.stderr, "piri-manager state check");
});

Deno.test("import redpepper --dry-run asks no Manager and writes nothing", async () => {
  const { fake, written } = manager();

  const seen = await see(["import", "redpepper", "/rp", "--dry-run"], {
    manager: fake,
  });

  assertEquals([seen.code, written, fake.attempts], [0, [], 0]);
  assertStringIncludes(seen.stdout, "2 would be new");
});

Deno.test("import redpepper --into writes files and asks no Manager", async () => {
  const { fake, written } = manager();

  const seen = await see(["import", "redpepper", "/rp", "--into", "/out"], {
    manager: fake,
  });

  assertEquals([seen.code, fake.attempts], [0, 0]);
  assertEquals(written, ["states/groups/web.yaml"]);
});

Deno.test("import redpepper leaves what differs, tells what it could not take, and fails", async () => {
  const { fake, written } = manager({
    agents: [{ ...AGENT, secretHash: undefined, found: "other" }],
    files: [{ path: "data/all.yaml", found: "other" }],
    notes: [
      { file: "a.yml", line: 3, message: "Is odd", isLost: false },
      { file: "b.py", message: "Cannot take it", isLost: true },
    ],
  });
  const args = ["import", "redpepper", "/rp"];

  const text = await see(args, { manager: fake });
  const json = await see([...args, "--json"], { manager: fake });

  assertEquals([text.code, json.code, written, fake.attempts], [1, 1, [], 0]);
  assertEquals(text.stdout.split("\n").slice(1), [
    "! data/all.yaml: it is there with other content",
    "note: a.yml:3: Is odd",
    "! b.py: Cannot take it",
    "0 are new, 0 are there already, 2 differ, 1 not taken",
    "",
  ]);
  assertEquals(jsonLines(json.stdout), [
    {
      kind: "agent",
      id: "web-1",
      groups: ["common", "web"],
      cidrs: ["10.0.0.0/8"],
      hasSecret: false,
      found: "other",
    },
    { kind: "file", path: "data/all.yaml", found: "other" },
    { kind: "note", file: "a.yml", line: 3, message: "Is odd" },
    { kind: "lost", file: "b.py", line: null, message: "Cannot take it" },
  ]);
});

Deno.test("import redpepper without a folder is an error of usage", async () => {
  const seen = await see(["import", "redpepper"], { manager: manager().fake });

  assertEquals(seen.code, 2);
});
