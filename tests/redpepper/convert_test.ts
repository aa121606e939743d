import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { stringify } from "yaml";
import { convert } from "../../lib/redpepper/convert.ts";
import { formatNote } from "../../lib/redpepper/note.ts";
import { olderValue } from "../../lib/redpepper/older_yaml.ts";
import { anAgent, compilerOf } from "../states/memory_folder.ts";

const HASH = "0123456789abcdef".repeat(4);

const AGENTS = `
web-1:
  secret_hash: ${HASH}
  allowed_ips: [10.0.0.0/8]
  data: {port: 8080, on duty: yes}
`;

/** Converts files of RedPepper: contents by their paths. */
function converted(
  files: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, unknown>> = {},
) {
  const result = convert({
    base: "/redpepper",
    files: new Map(
      Object.entries({
        "agents.yml": AGENTS,
        "groups.yml": "web-1: [common, web]\n",
        ...files,
      }).map(([path, text]) => [path, new TextEncoder().encode(text)]),
    ),
    settings,
    notes: [],
  });
  const decoder = new TextDecoder();
  return {
    agents: result.agents,
    files: Object.fromEntries(
      [...result.files].map(([path, bytes]) => [path, decoder.decode(bytes)]),
    ),
    notes: result.notes.map((note) =>
      `${note.isLost ? "! " : ""}${formatNote(note)}`
    ),
  };
}

Deno.test("groups of RedPepper are given by names and patterns, each at its first mention", () => {
  const { agents, notes } = converted({
    "agents.yml": ["web-1", "web-22", "db", "x.y"].map((id) =>
      `${id}: {secret_hash: ${HASH}, allowed_ips: 10.0.0.1}\n`
    ).join(""),
    "groups.yml":
      '"web*": [web, vpn]\n"*-?": [single]\ndb: [vpn, data, "no/name"]\n"web-?": [literal]\n"*": [common, web]\nweb-1: text\n',
  });

  assertEquals(
    agents.map(({ id, groups, cidrs, secretHash }) => [
      id,
      groups,
      cidrs,
      secretHash,
    ]),
    [
      ["web-1", ["web", "vpn", "single", "common"], ["10.0.0.1"], HASH],
      ["web-22", ["web", "vpn", "common"], ["10.0.0.1"], HASH],
      ["db", ["vpn", "data", "common", "web"], ["10.0.0.1"], HASH],
    ],
  );
  assertEquals(notes.map((note) => note.split(";")[0]), [
    '! agents.yml:4: Cannot take the agent "x.y": a name begins and ends with a letter or digit here, and has 100 characters at most',
    'groups.yml: Groups belong to agents here: "web*", "*-?", "*" count for the agents of agents.yml',
    'groups.yml:3: The group "no/name" is left out, as RedPepper does: it is no name',
    '! groups.yml:6: Cannot take the groups of "web-1": they should be a list, as [web]',
  ]);
});

Deno.test("an agent that RedPepper lets in from nowhere is not let in from anywhere here", () => {
  const { agents, notes } = converted({
    "agents.yml": `
none: {secret_hash: ${HASH}}
empty: {secret_hash: ${HASH}, allowed_ips: []}
wrong: {secret_hash: ${HASH}, allowed_ips: [10.0.0.1/8, 300.1.1.1]}
text: hello
partly: {secret_hash: ${HASH}, allowed_ips: [10.0.0.1/8, "::1/128"]}
open: {secret_hash: 123, allowed_ips: 0.0.0.0/0, cert_hash: abc}
`,
  });

  assertEquals(
    agents.map(({ id, cidrs, secretHash }) => [id, cidrs, secretHash]),
    [["partly", ["::1/128"], HASH], ["open", ["0.0.0.0/0"], undefined]],
  );
  assertEquals(
    notes.filter((note) => note.startsWith("!")).map((note) =>
      note.slice(0, 50)
    ),
    [
      '! agents.yml:2: Cannot take the agent "none": it has',
      '! agents.yml:3: Cannot take the agent "empty": it ha',
      '! agents.yml:4: Cannot take the agent "wrong": it ha',
      '! agents.yml:5: Cannot take the agent "text": its en',
    ].map((text) => text.slice(0, 50)),
  );
});

Deno.test("data keeps the values that YAML 1.1 reads, and comments and order", () => {
  const { files, notes } = converted({
    "data/web.yml": `# ours
duty: yes
off: "no"
mode: 0755
big: 1_000
time: 1:30
since: 2024-01-01
exponent: 1e5
octal: 0o17
version: 1.0
plain: text # kept
`,
    "data/web/conf/site.conf": "listen 80",
    "data/stray.txt": "x",
  });

  assertEquals(
    files["data/groups/web.yaml"],
    `# ours
duty: true
off: "no"
mode: "0755"
big: 1000
time: 90
since: 2024-01-01
exponent: "1e5"
octal: "0o17"
version: "1.0"
plain: text # kept
`,
  );
  assertEquals(files["data/agents/web-1.yaml"], "port: 8080\non duty: true\n");
  assertEquals(files["files/groups/web/conf/site.conf"], "listen 80");
  assertEquals(
    notes[0],
    "data/stray.txt: It is not copied: RedPepper reads data/GROUP.yml, and gives out the files in data/GROUP/",
  );
  assertEquals(
    notes[1],
    'data/web.yml:2: "yes" is written as true, which means the same here: RedPepper reads YAML 1.1',
  );
});

Deno.test("data that is merged here and not there is told once", () => {
  const { notes } = converted({
    "data/common.yml":
      "ntp: {servers: [a], drift: true}\nsame: {a: 1}\ngone: {a: 1}\n",
    "data/web.yml": "ntp: {servers: [b]}\nsame: {a: 2}\ngone: 5\n",
  });

  assertEquals(notes, [
    'data/web.yml:1: "ntp" is also a map in data/common.yml: here both are merged, and in RedPepper ${ntp} is this one alone',
    'data/web.yml:3: "gone" is a map in data/common.yml and no map here, so its parts have no value here; in RedPepper they have',
  ]);
});

Deno.test("expressions of a list are written as they are here, and those of a map are told", () => {
  const { files, notes } = converted({
    "data/web.yml": 'VPN key: "12="\nagent: {name: bob}\nflag: yes\n',
    "state/web.yml": `
- Key: { type: echo.Echo, message: "\${VPN key} of \${<agent_id>} in \${<groups>}" }
- Single: { type: echo.Echo, message: '\${VPN key}' }
- Shadow: { type: echo.Echo, message: "\${agent.name} \${port} \${{HOME} \${open" }
- Flag: { type: echo.Echo, message: "it is \${flag}" }
`,
    "state/common.yml": 'Old: { type: echo.Echo, message: "${HOME}" }\n',
  });

  assertEquals(
    files["states/groups/web.yaml"],
    `
- Key: { type: echo.Echo, message: "\${data['VPN key']} of \${agent} in \${groups}" }
- Single: { type: echo.Echo, message: '\${data["VPN key"]}' }
- Shadow: { type: echo.Echo, message: "\${data.agent.name} \${port} \${{HOME} \${{open" }
- Flag: { type: echo.Echo, message: "it is \${flag}" }
`,
  );
  assertEquals(notes.filter((note) => note.startsWith("state/")), [
    'state/common.yml:1: "${" means nothing in a map of steps, as in RedPepper of June 2024; if yours puts data in its place, write the file as a list: "- Name: {type: ...}"',
    'state/web.yml:5: "flag" becomes the text "true" here, and "True" in RedPepper: write the text itself in data if that counts',
  ]);
});

Deno.test("modes and sources mean the same as in RedPepper", async () => {
  const { files, notes } = converted({
    "data/web.yml": "mode: 0600\nplain: 384\n",
    "data/web/conf/a": "a",
    "state/web.yml": `
- A: { type: file.Installed, path: /a, source: /conf//a, mode: 0644 }
- B: { type: file.Installed, path: /b, source: conf/a, mode: 420 }
- C: { type: file.Installed, path: /c, source: conf/a, mode: 644 }
- D: { type: file.Installed, path: /d, source: conf/a, mode: "640" }
- E: { type: file.Installed, path: /e, source: conf/a, mode: "\${mode}" }
- F: { type: file.Installed, path: /f, source: "/x//y", method: content }
`,
    "state/web/plain.yml":
      '- A: { type: file.Dir, path: /a, mode: "${plain}" }\n',
  });
  const { sheet, problems } = await compilerOf(files)
    .compile("", anAgent({ data: { mode: "0600" } }));

  assertEquals(problems, []);
  assertEquals(sheet?.steps.map(({ params }) => params["mode"]), [
    0o644,
    420,
    0o1204,
    0o640,
    0o600,
    undefined,
  ]);
  assertEquals(sheet?.steps[5]?.params["content"], "/x//y");
  assertEquals(notes.filter((note) => note.includes("state/")), [
    "state/web.yml:3: The mode 420 is written as 0644: without a 0 in front it is a decimal number for RedPepper",
    "state/web.yml:4: The mode 644 is written as 01204: without a 0 in front it is a decimal number for RedPepper; was 0644 meant?",
    '! state/web/plain.yml:1: Cannot use "plain" as a mode: it is the number 384 in data; write "0600" there, in quotes',
  ]);
});

Deno.test("code in Python, logins, and files that nobody reads are told", () => {
  const { notes } = converted({
    "operations/go.py": "import os\n\nclass Installed(Operation):\n    pass\n",
    "requests/web/register.py": "def call(conn):\n    pass\n",
    "state/other.yml": "- A: {type: noop.Noop}\n",
    "state/web.yml": "- A: [\n",
    "state/a/b/c.yml": "",
    "data/web.yml": "- no map\n",
  }, { api_logins: [{ username: "anna" }, 7] });

  assertEquals(notes.map((note) => note.replace(/(: [^:]*):.*/, "$1")), [
    "! data/web.yml: Cannot take this file",
    'manager.yml: The login "anna" is not taken, as its password cannot be',
    '! operations/go.py:3: Cannot take the operation "go.Installed"',
    '! requests/web/register.py: Cannot take the request "register"',
    "state/a/b/c.yml: It is not copied",
    "state/other.yml: It is copied, and not checked",
    "! state/web.yml:2: Cannot read YAML",
  ]);
});

Deno.test("scalars are read as YAML 1.1 has them", () => {
  const values = [
    ..."yes No on OFF true ~ null 0 012 0o12 0x1F 0b11 1_000 1:30 -5 +5 1.5"
      .split(" "),
    ...["1e5", "1.5e+3", ".5", "y", "2024-01-01", "08", "", "-.inf", "12ab"],
  ].map(olderValue);

  assertEquals(values, [
    true,
    false,
    true,
    false,
    true,
    null,
    null,
    0,
    10,
    "0o12",
    31,
    3,
    1000,
    90,
    -5,
    5,
    1.5,
    "1e5",
    1500,
    0.5,
    "y",
    "2024-01-01",
    "08",
    null,
    -Infinity,
    "12ab",
  ]);
});

/** State of RedPepper 0.3: a list of maps with one key each. */
type Items = readonly { readonly [name: string]: Items | { type: string } }[];

/** Layers of lists by RedPepper's rule: a name keeps its place; two lists are put together, and all else is replaced. */
function merged(under: Items, over: Items): Items {
  const result = [...under];
  for (const item of over) {
    const [[name, value] = ["", []]] = Object.entries(item);
    const at = result.findIndex((each) => Object.hasOwn(each, name));
    const before = result[at]?.[name];
    const next = Array.isArray(before) && Array.isArray(value)
      ? merged(before, value)
      : value;
    if (at < 0) result.push({ [name]: next });
    else result[at] = { [name]: next };
  }
  return result;
}

function walked(items: Items, path: readonly string[] = []): string[] {
  return items.flatMap((item) => {
    const [[name, value] = ["", []]] = Object.entries(item);
    const names = [...path, name];
    return "type" in value
      ? [`${names.join(":")} ${value.type}`]
      : walked(value as Items, names);
  });
}

const aType = fc.constantFrom("noop.Noop", "echo.Echo", "command.Run");
const aStep = aType.map((type) => ({
  type,
  ...type === "echo.Echo" ? { text: "x" } : {},
  ...type === "command.Run" ? { command: "x" } : {},
}));
const { items: anItems } = fc.letrec<{ items: Items; value: unknown }>(
  (tie) => ({
    items: fc.uniqueArray(
      fc.tuple(fc.constantFrom("A", "B", "C"), tie("value")),
      { selector: ([name]) => name, minLength: 1, maxLength: 3 },
    ).map((all) => all.map((each) => Object.fromEntries([each]))) as never,
    value: fc.oneof({ maxDepth: 2 }, aStep, tie("items")),
  }),
);

Deno.test("states of any groups are merged and walked as RedPepper does", async () => {
  const groups = ["one", "two", "three"];

  await fc.assert(
    fc.asyncProperty(
      fc.tuple(anItems, anItems, anItems),
      async (layers) => {
        const { files } = converted({
          "groups.yml": stringify({ "web-1": groups }),
          ...Object.fromEntries(
            layers.map((items, index) => [
              `state/${groups[index]}.yml`,
              stringify(items),
            ]),
          ),
        });
        const { sheet, problems } = await compilerOf(files)
          .compile("", anAgent({ groups }));

        assertEquals(problems, []);
        assertEquals(
          sheet?.steps.map(({ name, operation }) => `${name} ${operation}`),
          walked(layers.reduce(merged)),
        );
      },
    ),
    { numRuns: 60 },
  );
});
