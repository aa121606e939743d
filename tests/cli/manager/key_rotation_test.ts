import { assertEquals, assertStringIncludes } from "@std/assert";
import { KeyKind } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { aKey } from "../fake_keys.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

/** Values of a page of facts, by their names. */
function facts(stdout: string): Record<string, string> {
  return Object.fromEntries(
    stdout.trimEnd().split("\n").map((line) => {
      const [name = "", ...value] = line.split(":");
      return [name, value.join(":").trim()];
    }),
  );
}

Deno.test("ca status shows both keys, and rotations of both at once", async () => {
  const manager = new FakeManager();
  const still = facts((await see(["ca", "status"], { manager })).stdout);
  manager.keys.authority = aKey({
    nextFingerprint: "SHA256:next",
    trustedBy: 1,
    missing: ["web-2", "web-3"],
  });
  manager.keys.manager = aKey({
    fingerprint: "SHA256:key",
    nextFingerprint: "SHA256:other",
    trustedBy: 3,
  });
  const { stdout } = await see(["ca", "status"], { manager });

  assertEquals(Object.keys(still), [
    "authority",
    "authority ends",
    "key of the Manager",
  ]);
  assertEquals(facts(stdout), {
    authority: "SHA256:now",
    "next authority": "SHA256:next",
    "next authority trusted by": "1 of 3 agents, not by web-[2-3]",
    "key of the Manager": "SHA256:key",
    "next key of the Manager": "SHA256:other",
    "next key of the Manager trusted by":
      "3 of 3 agents (piri-manager manager rotate-key --finish)",
  });
});

Deno.test("a rotation is begun with the agents that have to be told, and each kind is named", async () => {
  const manager = new FakeManager();
  manager.keys.authority = aKey({
    nextFingerprint: "SHA256:next",
    missing: ["web-2"],
  });
  const { stdout } = await see(["ca", "rotate"], { manager });
  await see(["manager", "rotate-key"], { manager });

  assertEquals(
    stdout,
    `the next authority is SHA256:next; the old one stays in use
1 to be told: web-2; see piri-manager ca status, then piri-manager ca rotate --finish
`,
  );
  assertEquals(manager.keys.started.map(({ kind }) => kind), [
    KeyKind.AUTHORITY,
    KeyKind.MANAGER,
  ]);
});

Deno.test("the end of a rotation names what is of no use any more, and who was left behind", async () => {
  const manager = new FakeManager();
  manager.keys.leftBehind = ["old-1"];
  const finish = ["ca", "rotate", "--finish", "--without", "old-1"];
  const { stdout } = await see(finish, { manager });
  const json = await see([...finish, "--json"], { manager });

  assertStringIncludes(stdout, "the authority is SHA256:now from now on; ");
  assertStringIncludes(stdout, "\nleft behind: old-1; let it join again");
  assertEquals(manager.keys.finished[0]?.without, ["old-1"]);
  assertEquals(jsonLines(json.stdout)[0]?.["leftBehind"], ["old-1"]);
});

Deno.test("agents are left behind only at the end of a rotation", async () => {
  const manager = new FakeManager();
  const { code, stderr } = await see(["ca", "rotate", "--without", "x"], {
    manager,
  });

  assertEquals(code, 2);
  assertStringIncludes(stderr, "--without is only for --finish");
  assertEquals(manager.keys.started, []);
});
