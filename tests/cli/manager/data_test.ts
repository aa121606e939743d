import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

/** Manager whose agent has some data, and none below the key "none". */
function manager(): FakeManager {
  const fake = new FakeManager();
  const parts = [
    { key: "web.names", value: ["a"], file: "data/all.yaml", line: 3 },
    { key: "web.port", value: 80, file: "data/groups/web.yaml", line: 1 },
  ];
  const value = { names: ["a"], port: 80 };
  fake.desk = {
    ...fake.desk,
    data: (_agent, key) =>
      Promise.resolve(
        key === "none" ? { value: undefined, parts: [] } : { value, parts },
      ),
  };
  return fake;
}

Deno.test("data prints the merged data of an agent as YAML, and as JSON", async () => {
  const text = await see(["data", "web-1", "web"], { manager: manager() });
  const json = await see(["data", "web-1", "--json"], { manager: manager() });

  assertEquals([text.code, text.stdout], [0, "names:\n  - a\nport: 80\n"]);
  assertEquals(jsonLines(json.stdout), [{ names: ["a"], port: 80 }]);
});

Deno.test("data --explain tells the file and line of each part", async () => {
  const args = ["data", "web-1", "web", "--explain"];
  const text = await see(args, { manager: manager() });
  const json = await see([...args, "--json"], { manager: manager() });

  assertEquals(text.stdout.split("\n"), [
    "KEY        VALUE  FROM",
    'web.names  ["a"]  data/all.yaml:3',
    "web.port   80     data/groups/web.yaml:1",
    "",
  ]);
  assertEquals(jsonLines(json.stdout)[1], {
    key: "web.port",
    value: 80,
    file: "data/groups/web.yaml",
    line: 1,
  });
});

Deno.test("data of a key that is not there is an error with the next step", async () => {
  const { code, stderr } = await see(["data", "web-1", "none"], {
    manager: manager(),
  });

  assertEquals(code, 5);
  assertStringIncludes(stderr, "piri-manager data web-1");
});
