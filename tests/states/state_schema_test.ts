import { assertEquals } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { stateSchema } from "../../lib/states/state_schema.ts";
import { MORE_OPERATIONS } from "./more_operations.ts";

const validate = new Ajv2020({ strict: false })
  .compile(stateSchema(MORE_OPERATIONS));

Deno.test("the JSON Schema takes what the compiler takes", () => {
  const text = `
- include: base/time
- include: site
  with: {name: a}
  if: {fact os.name: debian}
- Web server:
    - Package: { type: package.Installed, name: nginx, version: 1.10 }
    - Site:
        type: file.Installed
        path: /etc/site.conf
        template: site.conf
        mode: 0644
        retry: {times: 3, every: 10s}
        if:
          - not changed: Package
          - any: [{path isfile: /a}, {"cmd 0,1": "true"}, {expr: "1 == 1"}, {not: {true: }}]
    - { type: service.Running, name: nginx, reload_on: Site, restart_on: [Package] }
- Logins:
    each: \${data.users}
    as: user
    steps:
      - Login: { type: user.Present, name: "\${user.name}", uid: "\${user.uid}" }
`;

  validate(parse(text));
  assertEquals(validate.errors, null);
});

Deno.test("the JSON Schema refuses what the compiler refuses", () => {
  for (
    const text of [
      "just text",
      "- A: noop.Noop",
      "- {A: {type: noop.Noop}, B: {type: noop.Noop}}",
      "- A: {type: file.Instaled, path: /a, content: x}",
      "- A: {type: file.Installed, path: /a, content: x, mod: 1}",
      "- A: {type: file.Installed, path: a, content: x}",
      "- A: {type: file.Installed, path: /a}",
      "- A: {type: file.Installed, path: /a, content: x, source: y}",
      "- A: {type: file.Installed, path: /a, content: x, mode: '0888'}",
      "- A: {type: file.Installed, path: /a, content: x, parents: maybe}",
      "- A: {type: noop.Noop, if: {fct os: linux}}",
      "- A: {type: noop.Noop, if: {path: /a, changed: b}}",
      "- A: {type: noop.Noop, timeout: soon}",
      "- A: {steps: [], whn: true}",
      "- A: {each: [1]}",
      "- {include: a, wth: {}}",
    ]
  ) {
    assertEquals(validate(parse(text)), false, text);
  }
});
