import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { withParameter } from "../../lib/steps/operations/sysctl_lines.ts";
import { wordsOfName } from "../../lib/steps/operations/sysctl_names.ts";
import { stepOperations } from "../../lib/steps/registry.ts";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import { FAKE_MODULES, FAKE_VALUES, STATE } from "./fake_kernel.ts";
import { file, hostWith } from "./host_with.ts";
import { applyOn, planOn, sheetOf } from "./runs.ts";
import { lines, type Step } from "./service_runs.ts";

const FILE = "/etc/sysctl.d/90-piri.conf";
const BOOTED = { "/run/systemd/system/x": "", "/etc/sysctl.d/README": "" };
const SWAPPINESS = "/proc/sys/vm/swappiness";

function parameter(params: SheetStep["params"]): Step {
  return { operation: "sysctl.Parameter", params };
}

for (
  const [what, files, params, text, changes] of [
    [
      "in both, if neither has it",
      { [SWAPPINESS]: "60\n" },
      { name: "vm.swappiness", value: "10" },
      "vm.swappiness = 10\n",
      ["file (absent) 19 bytes, 5f7a0c7a0b0c", "value 60 10"],
    ],
    [
      "in the kernel, if the file has it",
      { [SWAPPINESS]: "60\n", [FILE]: "-vm/swappiness=10\n" },
      { name: "vm.swappiness", value: "10" },
      "-vm/swappiness=10\n",
      ["value 60 10"],
    ],
    [
      "of several words, with tabs between them",
      { "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n" },
      { name: "net/ipv4/ip_local_port_range", value: " 32768   60999 " },
      "net/ipv4/ip_local_port_range = 32768 60999\n",
      undefined,
    ],
    [
      "of a network interface with a dot",
      { "/proc/sys/net/ipv4/conf/eth0.100/rp_filter": "0\n" },
      { name: "net.ipv4.conf.eth0/100.rp_filter", value: "1" },
      "net.ipv4.conf.eth0/100.rp_filter = 1\n",
      undefined,
    ],
    [
      "once, in place of two lines",
      {
        [SWAPPINESS]: "10\n",
        [FILE]: "# mine\nvm.swappiness = 1\nvm.x = 2\nvm.swappiness=10\n",
      },
      { name: "vm.swappiness", value: "10" },
      "# mine\nvm.swappiness = 10\nvm.x = 2\n",
      undefined,
    ],
    [
      "no more in the file",
      { [SWAPPINESS]: "10\n", [FILE]: "vm.swappiness = 10\nvm.x = 2\n" },
      { name: "vm.swappiness", absent: true },
      "vm.x = 2\n",
      undefined,
    ],
  ] as const
) {
  Deno.test(`a parameter of the kernel is set ${what}, and nothing the next time`, async () => {
    const host = hostWith({ ...BOOTED, ...files }, FAKE_VALUES);
    const sheet = sheetOf(parameter(params));

    const planned = await planOn(host, sheet);
    const applied = await applyOn(host, sheet);
    const again = await applyOn(host, sheet);

    assertEquals(host.tree.get(FILE)?.text, text);
    assertEquals(lines(planned), lines(applied));
    assertEquals(lines(again), [["ok"]]);
    if (changes !== undefined) {
      const [, ...found] = lines(planned)[0] as string[];
      assertEquals(found.map(withoutHash), changes.map(withoutHash));
    }
  });
}

function withoutHash(line: string): string {
  return line.replace(/, [0-9a-f]{12}$/, "");
}

for (
  const [what, files, params, message] of [
    [
      "that the kernel does not have",
      {},
      { name: "vm.nothing", value: "1" },
      'Cannot set "vm.nothing": the kernel has no such parameter; load its module by an earlier step',
    ],
    [
      "with a value that the kernel does not take",
      { [SWAPPINESS]: "60\n" },
      { name: "vm.swappiness", value: "wrong" },
      'Cannot set "vm.swappiness" to "wrong": the kernel did not take it',
    ],
    [
      "with a file that nobody reads",
      { [SWAPPINESS]: "60\n" },
      { name: "vm.swappiness", value: "1", file: "/etc/sysctl.d/x" },
      `Cannot use "file": "/etc/sysctl.d/x" is not read at a start: name a file such as ${FILE}`,
    ],
    [
      "with a name that leads elsewhere",
      {},
      { name: "vm...x", value: "1" },
      'Cannot use "name": "vm...x" is no name of a parameter of the kernel, as vm.swappiness',
    ],
  ] as const
) {
  Deno.test(`a parameter ${what} is an error that says so`, async () => {
    const host = hostWith({ ...BOOTED, ...files }, FAKE_VALUES);

    const ran = await applyOn(host, sheetOf(parameter(params)));

    assertEquals(lines(ran), [message]);
  });
}

for (
  const [mode, message] of [
    [0o444, "the kernel only tells it, and lets nobody set it"],
    [0o200, "it can only be written, so that nothing tells if it is so"],
  ] as const
) {
  Deno.test(`a parameter of mode ${mode.toString(8)} is an error that says so`, async () => {
    const host = hostWith({ ...BOOTED, "/proc/sys/kernel/version": "#1\n" });
    host.tree.set("/proc/sys/kernel/version", { ...file("#1\n"), mode });
    const params = { name: "kernel.version", value: "2" };

    const planned = await planOn(host, sheetOf(parameter(params)));

    assertEquals(lines(planned), [`Cannot set "kernel.version": ${message}`]);
  });
}

for (
  const params of [
    { name: "vm.swappiness", value: "1\nkernel.x=2" },
    { name: "vm.swappiness", value: "" },
    { name: "vm.swappiness", value: "1".repeat(5_000) },
    { name: "vm.swappiness", value: "1", file: "/etc/passwd" },
    { name: "vm.swappiness", value: "1", file: "/etc/sysctl.d/../x.conf" },
    { name: "swappiness", value: "1" },
    { name: "", value: "1" },
    { name: "vm.*", value: "1" },
    { name: "vm.ü", value: "1" },
    { name: "vm.-x", value: "1" },
    { name: "vm.swappiness", absent: false },
  ]
) {
  Deno.test(`a parameter as ${JSON.stringify(params).slice(0, 60)} is refused`, async () => {
    const host = hostWith({ ...BOOTED, [SWAPPINESS]: "60\n" });

    const { steps } = await planOn(host, sheetOf(parameter(params)));

    assertEquals(steps[0]?.error?.code, "INVALID_ARGUMENT");
  });
}

Deno.test("a file that is read later and says otherwise is told", async () => {
  const host = hostWith({
    ...BOOTED,
    [SWAPPINESS]: "10\n",
    [FILE]: "vm.swappiness = 10\n",
    "/etc/sysctl.d/10-early.conf": "vm.swappiness = 1\n",
    "/usr/lib/sysctl.d/99-late.conf": "vm.swappiness = 2\nvm/swappiness = 3\n",
    "/usr/lib/sysctl.d/99-hidden.conf": "vm.swappiness = 4\n",
    "/etc/sysctl.d/99-hidden.conf": "",
  });
  const params = { name: "vm.swappiness", value: "10" };

  const planned = await planOn(host, sheetOf(parameter(params)));

  assertEquals(lines(planned), [[
    "ok",
    '"/usr/lib/sysctl.d/99-late.conf" sets it to "3" at the next start',
  ]]);
});

Deno.test("the file of a parameter alone counts in a root that is not started", async () => {
  const host = hostWith({ "/etc/x": "" });
  const params = { name: "vm.swappiness", value: "10" };

  const applied = await applyOn(host, sheetOf(parameter(params)));

  assertEquals(host.tree.get(FILE)?.text, "vm.swappiness = 10\n");
  assertEquals(host.ran, []);
  assertEquals(
    applied.steps[0]?.reason,
    "nothing runs here, so only the file counts",
  );
});

const anyName = fc.constantFrom("vm.a", "vm/a", "vm.b", "net.ipv4.c/1.d");
const anySysctlLine = fc.oneof(
  fc.record({
    mark: fc.constantFrom("", "-", " "),
    name: anyName,
    value: fc.constantFrom("1", "2", "1 2", " 1\t2 "),
  }).map(({ mark, name, value }) => `${mark}${name} = ${value}`),
  fc.constantFrom("# vm.a = 1", "; vm.b", "", "broken", "vm.* = 1"),
);

function editsRight(edit: typeof withParameter): void {
  fc.assert(
    fc.property(
      fc.array(anySysctlLine),
      anyName,
      fc.option(fc.constantFrom("1", "2", "1 2"), { nil: undefined }),
      (before, name, value) => {
        const after = edit(before, { name, value });

        const key = wordsOfName(name)?.join("/");
        const isOwn = (line: string) =>
          wordsOfName(line.replace(/^[\s-]*/, "").split(" =")[0] ?? "")
              ?.join("/") === key &&
          line.includes(" = ") &&
          !line.startsWith("#");
        assertEquals(
          after.filter((line) => !isOwn(line)),
          before.filter((line) => !isOwn(line)),
        );
        assertEquals(after.filter(isOwn).length, value === undefined ? 0 : 1);
        assertEquals(edit(after, { name, value }), after);
      },
    ),
  );
}

Deno.test("an edit of parameters sets one and leaves all else", () => {
  editsRight(withParameter);
});

for (
  const [what, planted] of [
    ["compares names as texts", (before, { name, value }) => [
      ...before.filter((line) => !line.startsWith(`${name} =`)),
      ...value === undefined ? [] : [`${name} = ${value}`],
    ]],
    [
      "drops comments",
      (before, wanted) =>
        withParameter(before, wanted).filter((line) => !line.startsWith("#")),
    ],
    [
      "only adds",
      (before, { name, value }) => [...before, `${name} = ${value}`],
    ],
  ] as readonly [string, typeof withParameter][]
) {
  Deno.test(`the property of parameters finds an edit that ${what}`, () => {
    let isFound = false;
    try {
      editsRight(planted);
    } catch {
      isFound = true;
    }
    assert(isFound);
  });
}

const LOAD = "/etc/modules-load.d/piri-br_netfilter.conf";
const OPTIONS = "/etc/modprobe.d/piri-br_netfilter.conf";
const MARK = "# Managed by Piri: changes here are lost.\n";
function moduleHost(files: Readonly<Record<string, string>> = {}) {
  return hostWith({
    ...BOOTED,
    "/proc/sys/kernel/osrelease": "6.1\n",
    "/lib/modules/6.1/modules.builtin": "kernel/fs/ext4.ko\nkernel/x-y.ko.xz\n",
    "/sys/module/ext4/x": "",
    "/proc/sys/net/bridge/.": "",
    ...files,
  }, FAKE_MODULES);
}

function module(params: SheetStep["params"]): Step {
  return {
    operation: "kernel.Module",
    params: { name: "br_netfilter", ...params },
  };
}

Deno.test("a module is loaded now and at each start, with its options", async () => {
  const host = moduleHost();
  const sheet = sheetOf(module({ params: { b: "2", a: "1,3" } }));

  const planned = await planOn(host, sheet);
  const applied = await applyOn(host, sheet);
  const again = await applyOn(host, sheet);

  assertEquals(host.tree.get(LOAD)?.text, `${MARK}br_netfilter\n`);
  assertEquals(
    host.tree.get(OPTIONS)?.text,
    `${MARK}options br_netfilter a=1,3 b=2\n`,
  );
  assertEquals(host.ran, ["modprobe -- br_netfilter"]);
  assertEquals(lines(planned), lines(applied));
  assertEquals(lines(again), [["ok"]]);
});

Deno.test("a module that is kept out is unloaded, and its files say so", async () => {
  const host = moduleHost({ [STATE]: "live\n", [LOAD]: "br_netfilter\n" });
  const sheet = sheetOf(module({ blacklisted: true }));

  const applied = await applyOn(host, sheet);
  const again = await applyOn(host, sheet);

  assertEquals(host.tree.has(LOAD), false);
  assertEquals(
    host.tree.get(OPTIONS)?.text,
    `${MARK}blacklist br_netfilter\ninstall br_netfilter /bin/false\n`,
  );
  assertEquals(host.ran, ["modprobe -r -- br_netfilter"]);
  assertEquals(applied.end.success, true);
  assertEquals(lines(again), [["ok"]]);
});

Deno.test("a module is forgotten, and unloaded", async () => {
  const host = moduleHost({ [STATE]: "live\n", [LOAD]: "x", [OPTIONS]: "x" });

  await applyOn(host, sheetOf(module({ absent: true })));

  const left = [LOAD, OPTIONS, STATE].filter((path) => host.tree.has(path));
  assertEquals(left, []);
});

Deno.test("a parameter may be of a module that an earlier step loads", async () => {
  const host = moduleHost();
  const sheet = sheetOf(
    module({}),
    parameter({ name: "net.bridge.x", value: "1" }),
  );

  const planned = await planOn(host, sheet);
  const applied = await applyOn(host, sheet);

  assertEquals(planned.steps[1]?.verdict, "unknown");
  assertEquals(applied.end.success, true);
  assertEquals(host.tree.get("/proc/sys/net/bridge/x")?.text, "1\n");
});

for (
  const [what, files, params, message] of [
    [
      "that is not there",
      {},
      { name: "nothing" },
      'Cannot change the module "nothing": modprobe finds none of that name for this kernel',
    ],
    [
      "that is a part of the kernel and shall be kept out",
      {},
      { name: "x-y", blacklisted: true },
      'Cannot change the module "x-y": it is a part of this kernel, and always there',
    ],
    [
      "that others use",
      { [STATE]: "live\n", "/sys/module/br_netfilter/holders/bridge": "" },
      { absent: true },
      'Cannot change the module "br_netfilter": the modules bridge use it',
    ],
  ] as const
) {
  Deno.test(`a module ${what} is an error that says so`, async () => {
    const planned = await planOn(moduleHost(files), sheetOf(module(params)));

    assertEquals(lines(planned), [message]);
  });
}

Deno.test("a module that is a part of the kernel counts as loaded", async () => {
  const planned = await planOn(
    moduleHost(),
    sheetOf(
      module({ name: "ext4", boot: false }),
      module({ name: "x_y", boot: false }),
    ),
  );

  assertEquals(lines(planned), [["ok"], ["ok"]]);
});

for (
  const params of [
    { name: "../x" },
    { name: "" },
    { name: "-r" },
    { name: "x".repeat(64) },
    { params: { a: "1 2" } },
    { params: { "a b": "1" } },
    { params: { a: "1\noptions x" } },
    { params: { a: 'x"' } },
    { blacklisted: true, absent: true },
    { blacklisted: true, boot: true },
    { absent: true, params: { a: "1" } },
  ]
) {
  Deno.test(`a module as ${JSON.stringify(params).slice(0, 60)} is refused`, async () => {
    const { steps } = await planOn(moduleHost(), sheetOf(module(params)));

    assertEquals(steps[0]?.error?.code, "INVALID_ARGUMENT");
  });
}

Deno.test("a change that writes no value to the kernel is found by the check after it", async () => {
  const host = hostWith({ ...BOOTED, [SWAPPINESS]: "60\n" }, {
    tee: () => 0,
  });
  const params = { name: "vm.swappiness", value: "10" };

  const { end } = await applyOn(host, sheetOf(parameter(params)), {
    operations: stepOperations,
  });

  assertEquals(end.success, false);
});
