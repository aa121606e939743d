import { assert, assertEquals } from "@std/assert";
import { Limits } from "../../lib/base/limits.ts";
import { agentFacts } from "../../lib/operations/agent_facts.ts";
import { cutFacts } from "../../lib/operations/all_facts.ts";
import {
  distributionOf,
  hostFacts,
  virtualOf,
} from "../../lib/operations/host_facts.ts";
import { ownFacts } from "../../lib/operations/own_facts.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { finish, newContext } from "./support.ts";

const surroundings = { environment: {} };

/** Makes files of facts; those with a mode are executable. */
async function factsFolder(
  files: Readonly<Record<string, string | { text: string; mode: number }>>,
): Promise<TempFolder> {
  const folder = await TempFolder.make();
  for (const [name, file] of Object.entries(files)) {
    const { text, mode } = typeof file === "string"
      ? { text: file, mode: 0o644 }
      : file;
    await Deno.writeTextFile(folder.at(name), text);
    await Deno.chmod(folder.at(name), mode);
  }
  return folder;
}

/** A program that runs JavaScript, as an executable file. */
function program(code: string): { text: string; mode: number } {
  return {
    text: `#!/bin/sh\nexec ${Deno.execPath()} eval '${code}'\n`,
    mode: 0o755,
  };
}

Deno.test("the facts of a host name its system, its processors and its memory", async () => {
  const facts = await hostFacts();

  for (
    const name of [
      "hostname",
      "fqdn",
      "os",
      "os.name",
      "os.family",
      "init",
      "kernel",
      "arch",
      "release",
    ]
  ) {
    assert((facts[name] ?? "") !== "", name);
  }
  assert(Number(facts["cpus"]) >= 1);
  assert(Number(facts["memory_mb"]) >= 64);
});

Deno.test("the distribution is read from os-release, quoted or not", () => {
  const table: [text: string, ...facts: string[]][] = [
    [
      'NAME="Debian"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n',
      ...["debian", "12", "debian", "bookworm"],
    ],
    [
      'VERSION_ID="9.4"\nID="rhel"\nID_LIKE="fedora"\n',
      ...["rhel", "9.4", "redhat", ""],
    ],
    ["ID=rocky\nID_LIKE='rhel centos fedora'", "rocky", "", "redhat", ""],
    ["ID=linuxmint\nID_LIKE=ubuntu", "linuxmint", "", "debian", ""],
    ['ID="opensuse-leap"\n', "opensuse-leap", "", "suse", ""],
    ["ID=arch\n", "arch", "", "arch", ""],
    ["ID=own\nID_LIKE=other\n", "own", "", "own", ""],
    ['# x\n  ID="a\\$b"  \nbroken', "a$b", "", "a$b", ""],
    ["", "linux", "", "linux", ""],
  ];

  assertEquals(
    table.map(([text]) => distributionOf(text)),
    table.map(([, name = "", version = "", family = "", codename = ""]) => ({
      name,
      version,
      family,
      codename,
    })),
  );
});

Deno.test("virtual machines are known by their vendor, others by the flag of the processor", () => {
  const table: [machine: string, processors: string, virtual: string][] = [
    ["QEMU\nStandard PC", "", "kvm"],
    ["Amazon EC2\nm5.large", "", "amazon"],
    ["Microsoft Corporation\nVirtual Machine", "", "hyperv"],
    ["VMware, Inc.\nVMware20,1", "", "vmware"],
    ["innotek GmbH\nVirtualBox", "", "virtualbox"],
    ["Unknown\nBox", "flags : fpu hypervisor sse", "other"],
    ["Dell Inc.\nPowerEdge R640", "flags : fpu sse", "none"],
    ["Microsoft Corporation\nSurface Book", "flags : fpu", "none"],
  ];

  assertEquals(
    table.map(([machine, processors]) => virtualOf(machine, processors)),
    table.map(([, , virtual]) => virtual),
  );
});

Deno.test("facts of its own come from JSON and YAML, nested with dots, and later files win", async () => {
  await using folder = await factsFolder({
    "10-base.json": '{"role": "web", "rack": {"row": 4, "spare": null}}',
    "20-site.yaml": "role: db\ndisks: [sda, sdb]\nraid: true\n",
    ".hidden.json": "no",
    "30-old.json~": "no",
  });

  assertEquals(await ownFacts(folder.at(), { surroundings }), {
    facts: {
      "role": "db",
      "rack.row": "4",
      "disks": "sda,sdb",
      "raid": "true",
    },
    errors: [],
  });
  assertEquals(await ownFacts(folder.at("none"), { surroundings }), {
    facts: {},
    errors: [],
  });
});

Deno.test({
  name:
    "output of executable files becomes facts, and other files are told with the reason",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await factsFolder({
      "a": program("console.log(JSON.stringify({ uptime: { days: 3 } }))"),
      "b.yaml": program('console.log("role: cache")'),
      "c": program("Deno.exit(3)"),
      "d": program('console.log("x".repeat(20000))'),
      "e": { text: "#!/bin/sh\necho '{}'\n", mode: 0o777 },
      "f.json": "{",
      "g.json": '["a"]',
      "h.json": '{"operations": "all"}',
      "i.json": JSON.stringify({ long: "x".repeat(17_000) }),
      "j.txt": "role: x",
    });

    const { facts, errors } = await ownFacts(folder.at(), { surroundings });

    assertEquals(facts, { "uptime.days": "3", "role": "cache" });
    assertEquals(errors, [
      "c: it ended with exit code 3",
      "d: it printed more than 16384 bytes",
      "e: it is executable, and others may write it",
      "f.json: it is not JSON",
      "g.json: it is no object of names and values",
      'h.json: "operations" is no fact of a host',
      "i.json: it has 17011 bytes, and the limit is 16384",
      "j.txt: it is neither .json nor .yaml, nor executable",
    ]);
  },
});

Deno.test({
  name: "a program that takes too long is ended with all that it started",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await factsFolder({
      slow: { text: "#!/bin/sh\nsleep 60 & sleep 60\n", mode: 0o755 },
    });
    const begun = performance.now();

    const { errors } = await ownFacts(folder.at(), {
      surroundings,
      timeoutMs: 200,
    });

    assertEquals(errors, ["slow: it took longer than 200 ms"]);
    assert(performance.now() - begun < 10_000);
  },
});

Deno.test("facts fit into a hello: those of its own are cut first, and that is told", () => {
  const own = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`own.${i}`, "x".repeat(300)]),
  );

  const facts = cutFacts({ os: "linux" }, {
    facts: own,
    errors: ["a.json: it is not JSON", "é".repeat(2_000)],
  });

  const size = new TextEncoder().encode(Object.entries(facts).flat().join(""))
    .length;
  assert(size <= Limits.facts, `${size} bytes`);
  assert(size > Limits.facts - 1_500, `${size} bytes`);
  assertEquals(facts["os"], "linux");
  assertEquals(
    Number(facts["facts.cut"]) + Object.keys(facts).length,
    100 + 1 + 2,
  );
  assertEquals(
    facts["facts.errors"]?.startsWith("a.json: it is not JSON; é"),
    true,
  );
  assertEquals(
    cutFacts({ os: "linux" }, { facts: { os: "mine" }, errors: [] }),
    {
      os: "mine",
    },
  );
});

Deno.test("agent.Facts has the facts of the host and its own as its data", async () => {
  await using folder = await factsFolder({ "role.json": '{"role":"db"}' });
  const context = newContext(undefined, { factsFolder: folder.at() });

  const { outcome } = await finish(agentFacts.run({}, context));

  const data = outcome.data as Record<string, string>;
  assertEquals([outcome.success, outcome.changed], [true, false]);
  assertEquals([data["role"], data["os"]], ["db", Deno.build.os]);
});
