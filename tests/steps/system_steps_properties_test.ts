import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { stepOperations } from "../../lib/steps/registry.ts";
import type { StepOperation } from "../../lib/steps/step_operation.ts";
import {
  FAKE_MODULES,
  FAKE_MOUNTS,
  ROOT,
  STATE,
  TABLE,
} from "./fake_kernel.ts";
import type { FakeHost } from "./fake_host.ts";
import { hostWith } from "./host_with.ts";
import { applyOn, planOn, sheetOf } from "./runs.ts";
import type { Step } from "./service_runs.ts";

const CASES = 150;
const KEYS = [
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOdU9JsIJECE2dV2orRC39h4iY6yPxYCwemWYhSHs0JD",
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6IkXiCHInNfuCTTXnX6PiUOkdF8eGBnRkAShgEMMdQ",
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBLzkOtAvy3IOx9ZrB4X2HzCg7EEln32htzAMTcK5uUkDHuD++kXsMAUB+w9MYQRmwPcncNIBdV7pCMo6D6zeQxw=",
];
const anyKeys = fc.subarray(KEYS, { minLength: 1 });
const anyText = (...linesOf: string[]) =>
  fc.subarray(linesOf).map((lines) =>
    lines.map((line) => `${line}\n`).join("")
  );

/** Host with some of all that the steps are about. */
const anyHost: fc.Arbitrary<() => FakeHost> = fc.record({
  keys: anyText("# mine", `no-pty ${KEYS[0]} a`, KEYS[1] ?? "", "broken"),
  hosts: anyText(`a,b ${KEYS[0]}`, `db.lan ${KEYS[1]}`, "# x"),
  parameters: anyText("vm.a = 1", "vm/b=2", "# vm.a", "vm.a = 3"),
  fstab: anyText(
    "# mine",
    "tmpfs /mnt/x tmpfs size=1m 0 0",
    "/dev/sdb1 /mnt/y ext4 defaults 0 2",
  ),
  mounts: anyText(
    "9 1 0:9 / /mnt/x rw,relatime - tmpfs tmpfs rw,size=1024k",
    "9 1 8:2 / /mnt/y ro,noatime - ext4 /dev/sdb1 ro",
  ),
  isLoaded: fc.boolean(),
}).map(({ keys, hosts, parameters, fstab, mounts, isLoaded }) => () =>
  hostWith({
    "/run/openrc/x": "",
    "/etc/passwd": "anna:x:1000:1000::/home/anna:\n",
    "/etc/group": "anna:x:1000:\n",
    "/home/anna/.ssh/authorized_keys": keys,
    "/etc/ssh/ssh_known_hosts": hosts,
    "/etc/sysctl.d/90-piri.conf": parameters,
    "/proc/sys/vm/a": "1\n",
    "/proc/sys/vm/b": "1\t2\n",
    "/etc/fstab": fstab,
    [TABLE]: ROOT + mounts,
    "/mnt/x/.keep": "",
    "/mnt/y/.keep": "",
    "/dev/sdb1": "",
    "/proc/sys/kernel/osrelease": "6.1\n",
    ...isLoaded ? { [STATE]: "live\n" } : {},
  }, { ...FAKE_MOUNTS, ...FAKE_MODULES })
);

const change = fc.constantFrom({}, { only: true }, { absent: true });

function hostKeys(host: string): fc.Arbitrary<Step> {
  return fc.record({ keys: anyKeys, change }).map(({ keys, change }) => ({
    operation: "ssh.KnownHosts",
    params: { host, keys, ...change },
  }));
}

function parameter(name: string): fc.Arbitrary<Step> {
  return fc.record({
    value: fc.constantFrom("1", "2", " 1  2 "),
    absent: fc.boolean(),
    file: fc.constantFrom({}, { file: "/etc/sysctl.d/50-own.conf" }),
  }).map(({ value, absent, file }) => ({
    operation: "sysctl.Parameter",
    params: { name, ...file, ...absent ? { absent } : { value } },
  }));
}

function mount(path: string): fc.Arbitrary<Step> {
  return fc.oneof(
    fc.record({
      from: fc.constantFrom(
        { source: "tmpfs", fstype: "tmpfs" },
        { source: "/dev/sdb1", fstype: "ext4" },
      ),
      options: fc.subarray(["ro", "noatime", "nofail", "noexec"]),
      persist: fc.boolean(),
    }).map(({ from, ...params }): Step => ({
      operation: "mount.Mounted",
      params: { path, ...from, ...params },
    })),
    fc.constant<Step>({ operation: "mount.Unmounted", params: { path } }),
  );
}

/** Steps about different things, in any order. */
const anySteps: fc.Arbitrary<readonly Step[]> = fc.tuple(
  fc.record({ keys: anyKeys, change }).map(({ keys, change }): Step => ({
    operation: "ssh.AuthorizedKeys",
    params: { user: "anna", keys, ...change },
  })),
  hostKeys("a"),
  hostKeys("db.lan"),
  parameter("vm.a"),
  parameter("vm.b"),
  fc.constantFrom({}, { boot: false }, { blacklisted: true }, { absent: true })
    .map((more): Step => ({
      operation: "kernel.Module",
      params: { name: "br_netfilter", ...more },
    })),
  mount("/mnt/x"),
  mount("/mnt/y"),
).chain((steps) => fc.shuffledSubarray([...steps], { minLength: 1 }));

/** Requires that the kernel of a host is as a step wants it, by other means than those of the step. */
function requireSo(
  { operation, params = {} }: Step,
  { tree }: FakeHost,
): void {
  const { name, value, path } = params;
  if (operation === "kernel.Module") {
    const isKept = params["blacklisted"] === true || params["absent"] === true;
    assertEquals(tree.has(STATE), !isKept);
  }
  if (operation === "sysctl.Parameter" && value !== undefined) {
    const now = tree.get(`/proc/sys/${String(name).replace(".", "/")}`)?.text;
    assertEquals(now?.split(/\s+/), `${String(value).trim()}\n`.split(/\s+/));
  }
  if (operation.startsWith("mount.")) {
    const rows = tree.get(TABLE)?.text?.split("\n") ?? [];
    const row = rows.find((line) => line.split(" ")[4] === path);
    const source = row?.split(" - ")[1]?.split(" ")[1];
    assertEquals(source, params["source"]);
  }
}

/** A plan tells what an apply does, and after that nothing is to do. */
function stepsAreRight(operations: readonly StepOperation[]) {
  return fc.asyncProperty(anyHost, anySteps, async (make, steps) => {
    const host = make();
    const sheet = sheetOf(...steps);

    const planned = await planOn(host, sheet, { operations });
    assertEquals(host.writes, 0);
    const applied = await applyOn(host, sheet, { operations });
    assertEquals(
      applied.steps.map(({ error }) => error?.message),
      steps.map(() => undefined),
    );
    for (const step of steps) requireSo(step, host);
    const { writes } = host;
    const again = await planOn(host, sheet, { operations });
    await applyOn(host, sheet, { operations });

    for (const [index, { verdict, changes }] of planned.steps.entries()) {
      // A module that is loaded may bring what is missing.
      if (verdict === "unknown") continue;
      const { steps: { [index]: step } } = applied;
      assertEquals([verdict, changes], [step?.verdict, step?.changes]);
    }
    assertEquals(
      again.steps.map(({ verdict }) => verdict),
      steps.map(() => "ok"),
    );
    assertEquals(host.writes, writes);
  });
}

Deno.test("steps about ssh, the kernel and mounts do what their plan says, for any sheet", async () => {
  await fc.assert(stepsAreRight(stepOperations), { numRuns: CASES });
});

function withBug(
  name: string,
  bug: (operation: StepOperation) => Partial<StepOperation>,
): readonly StepOperation[] {
  return stepOperations.map((operation) =>
    operation.name === name ? { ...operation, ...bug(operation) } : operation
  );
}

for (
  const [what, operations] of [
    [
      "keys whose change is not told to later steps",
      withBug("ssh.KnownHosts", ({ check }) => ({
        check: async (...args) => ({ ...await check(...args), effects: [] }),
      })),
    ],
    [
      "a parameter that is only set in the kernel",
      withBug("sysctl.Parameter", () => ({
        change: async ({ name }, _, writer) => {
          const path = `/proc/sys/${name.replaceAll(".", "/")}`;
          await writer.run({ argv: ["tee", path], stdin: "1" });
        },
      })),
    ],
    [
      "a mount that is made again each time",
      withBug("mount.Mounted", ({ check }) => ({
        check: async (...args) => ({
          ...await check(...args),
          verdict: "change",
          after: "none",
        }),
      })),
    ],
    [
      "a mount that is left where it shall not be",
      withBug("mount.Unmounted", () => ({ change: async () => {} })),
    ],
    [
      "a module whose check does not look at the kernel",
      withBug("kernel.Module", ({ check }) => ({
        check: async (...args) => {
          const found = await check(...args);
          const changes = found.changes
            .filter(({ what }) => what !== "module");
          return {
            ...found,
            changes,
            verdict: changes.length === 0 ? "ok" : "change",
          };
        },
      })),
    ],
    [
      "keys that are written on each apply",
      withBug("ssh.AuthorizedKeys", ({ check, change }) => ({
        check: async (...args) => ({
          ...await check(...args),
          verdict: "change",
          after: "none",
        }),
        change: async (params, found, writer) => {
          await writer.tell("again");
          await writer.run({ argv: ["true"] });
          await change(params, found, writer);
        },
      })),
    ],
  ] as readonly [string, readonly StepOperation[]][]
) {
  Deno.test(`the property of system steps finds ${what}`, async () => {
    await assertRejects(() =>
      fc.assert(stepsAreRight(operations), {
        numRuns: 2_000,
        endOnFailure: true,
      })
    );
  });
}
