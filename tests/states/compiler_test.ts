import { assertEquals } from "@std/assert";
import { compileText } from "./memory_folder.ts";

Deno.test("a step becomes a step of the sheet, each parameter read by its own type", async () => {
  const { sheet, problems, places } = await compileText(`
- Site:
    type: file.Installed
    path: /etc/nginx/conf.d/site.conf
    content: no
    mode: 0644
    user: 0
    parents: yes
- type: package.Installed
  name: nginx
  version: 1.10
`);

  assertEquals(problems, []);
  assertEquals(sheet, {
    format: 1,
    state: "",
    steps: [
      {
        name: "Site",
        operation: "file.Installed",
        params: {
          path: "/etc/nginx/conf.d/site.conf",
          content: "no",
          mode: 0o644,
          user: "0",
          parents: true,
        },
      },
      {
        name: "package.Installed nginx",
        operation: "package.Installed",
        params: { name: ["nginx"], version: "1.10" },
      },
    ],
  });
  assertEquals(places.map(({ place }) => place), [
    { file: "states/all.yaml", line: 2, column: 3 },
    { file: "states/all.yaml", line: 9, column: 3 },
  ]);
});
