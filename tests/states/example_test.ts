import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Layers } from "../../lib/manager/data/layers.ts";
import { StateFolder } from "../../lib/manager/data/state_folder.ts";
import { Compiler } from "../../lib/states/compiler.ts";
import { stepDescriptions } from "../../lib/steps/registry.ts";
import { anAgent } from "./memory_folder.ts";

const FOLDER = fromFileUrl(new URL("../../examples/states/", import.meta.url));

Deno.test("the example of states compiles for hosts in and out of its group, without a warning", async () => {
  const compiler = new Compiler({
    reader: new StateFolder(FOLDER),
    operations: stepDescriptions,
  });
  const data = await new Layers(`${FOLDER}data`).of(anAgent());
  const web = await compiler.compile("", anAgent({ data }));
  const other = await compiler.compile(
    "",
    anAgent({
      id: "db-1",
      groups: [],
      data,
      facts: { "os.name": "alpine", hostname: "db-1" },
    }),
  );

  assertEquals([...web.problems, ...web.warnings], []);
  assertEquals([...other.problems, ...other.warnings], []);
  assertEquals(web.sheet?.steps.map(({ name }) => name), [
    "Time zone",
    "Message of the day",
    "Notes:Folder[shop]",
    "Notes:Readme[shop]",
    "Notes:Folder[blog]",
    "Notes:Readme[blog]",
    "Web server:Lists",
    "Web server:Package",
    "Web server:Folder",
    "Web server:Site",
    "Web server:Service",
    "Web server:Old logs",
  ]);
  assertEquals(other.sheet?.steps.length, 6);
  assertEquals(
    web.sheet?.steps.find(({ name }) => name === "Web server:Site")?.params
      .content,
    "server {\n  listen 8080;\n  server_name web-1;\n  root /srv/www;\n}\n",
  );
});
