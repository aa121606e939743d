import { assertEquals } from "@std/assert";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import { FakeHost, type FakeNode, type FakePrograms } from "./fake_host.ts";
import { applyOn, planOn, type Ran, sheetOf } from "./runs.ts";
import { lines, type Step, withTime } from "./service_runs.ts";

const FOLDER: FakeNode = { kind: "folder", mode: 0o755, uid: 0, gid: 0 };
const FILE: FakeNode = { kind: "file", mode: 0o755, uid: 0, gid: 0, text: "" };

/** Service of a fake OpenRC, by the exit code of its status. */
interface RcService {
  status: number;
  levels: string[];
  reloads?: boolean;
}

/** Host with a small model of OpenRC. */
function openRc(
  services: Record<string, RcService>,
  isRunning = true,
): FakeHost {
  const programs: FakePrograms = {
    cat: () => ({ stdout: "0::/\n" }),
    sha256sum: () => ({ stdout: "" }),
    test: (host, [, path = ""]) => host.tree.has(path) ? 0 : 1,
    "rc-update": (_, words) => {
      const [act, name = "", ...levels] = words.filter((word) =>
        !word.startsWith("--")
      );
      const service = services[name];
      if (act === "add") service?.levels.push(...levels);
      if (act === "del" && service !== undefined) {
        service.levels = service.levels.filter((each) =>
          !levels.includes(each)
        );
      }
      return {
        stdout: Object.entries(services).map(([each, { levels }]) =>
          `${each.padStart(20)} | ${levels.join(" ")}   \n`
        ).join(""),
      };
    },
    "rc-service": (_, words) => {
      const [name = "", ...acts] = words.filter((word) =>
        !word.startsWith("--")
      );
      const service = services[name];
      if (service === undefined) return 1;
      for (const act of acts) {
        if (act === "status") return service.status;
        if (act === "describe") {
          const stdout = service.reloads === true
            ? " * reload: Reads its settings again\n"
            : "";
          return { stdout };
        }
        if (act === "zap" || act === "stop") service.status = 3;
        // One that has crashed counts as started.
        if (act === "start" && service.status === 3) service.status = 0;
        if (act === "restart") service.status = 0;
      }
      return 0;
    },
  };
  const tree = new Map<string, FakeNode>([
    ["/etc", FOLDER],
    ["/etc/init.d", FOLDER],
    ["/run", FOLDER],
    ["/sbin", FOLDER],
    ["/sbin/rc-service", FILE],
    ...isRunning ? [["/run/openrc", FOLDER] as const] : [],
    ...Object.keys(services).map((name) =>
      [`/etc/init.d/${name}`, FILE] as const
    ),
  ]);
  return new FakeHost(tree, undefined, programs);
}

function service(operation: string, params: SheetStep["params"]): Step {
  return { operation: `service.${operation}`, params, name: operation };
}

async function apply(host: FakeHost, ...steps: Step[]): Promise<Ran> {
  return await withTime(host, applyOn(host, sheetOf(...steps)));
}

const APP = { name: "app" };

Deno.test("a service of OpenRC is started and put into its runlevel, and left alone the next time", async () => {
  const host = openRc({ app: { status: 3, levels: [] } });
  const step = service("Running", { ...APP, enabled: true });

  const planned = await planOn(host, sheetOf(step));
  const applied = await apply(host, step);
  const again = await apply(host, step);

  assertEquals(lines(planned), [[
    "change",
    "enabled no yes",
    "service stopped running",
  ]]);
  assertEquals(lines(applied), lines(planned));
  assertEquals(lines(again), [["ok"]]);
  assertEquals(host.ran, ["rc-update add app default", "rc-service app start"]);
});

Deno.test("a service of OpenRC that has crashed is forgotten before it is started", async () => {
  const host = openRc({ app: { status: 32, levels: [] } });

  const applied = await apply(host, service("Running", APP));

  assertEquals(applied.end.success, true, applied.end.message);
  assertEquals(host.ran, ["rc-service app zap start"]);
});

Deno.test("a service of OpenRC is stopped and taken from all its runlevels", async () => {
  const host = openRc({ app: { status: 0, levels: ["boot", "default"] } });
  const step = service("Stopped", { ...APP, enabled: false });

  await apply(host, step);
  const again = await apply(host, step);

  assertEquals(lines(again), [["ok"]]);
  assertEquals(host.ran, [
    "rc-service app stop",
    "rc-update del app boot default",
  ]);
});

for (
  const [what, reloads, act] of [
    ["reloads", true, "reload"],
    ["restarts, as it cannot reload", false, "restart"],
  ] as const
) {
  Deno.test(`a service of OpenRC ${what} when a step changes something`, async () => {
    const host = openRc({ app: { status: 0, levels: [], reloads } });

    await apply(
      host,
      {
        operation: "file.Installed",
        params: { path: "/etc/app", content: "x" },
      },
      service("Running", { ...APP, reload_on: [0] }),
    );

    assertEquals(host.ran, [`rc-service app ${act}`]);
  });
}

for (
  const [what, step, code] of [
    ["mask a service", service("Masked", APP), "UNSUPPORTED"],
    [
      "write a unit",
      {
        operation: "systemd.Unit",
        params: { name: "app", content: "[Service]\n" },
      },
      "UNSUPPORTED",
    ],
    ["find what is not there", service("Running", { name: "x" }), "NOT_FOUND"],
    ["use a path", service("Running", { name: "../x" }), "INVALID_ARGUMENT"],
    ["stop the agent", service("Stopped", { name: "piri-agent" }), "REFUSED"],
  ] as const
) {
  Deno.test(`a host with OpenRC cannot ${what} by a step`, async () => {
    const host = openRc({
      app: { status: 0, levels: [] },
      "piri-agent": { status: 0, levels: [] },
    });

    const { steps } = await planOn(host, sheetOf(step));

    assertEquals(steps[0]?.error?.code, code);
  });
}

Deno.test("a service is only enabled where OpenRC does not run", async () => {
  const host = openRc({ app: { status: 3, levels: [] } }, false);

  const started = await planOn(host, sheetOf(service("Running", APP)));
  const enabled = await apply(host, service("Enabled", APP));

  assertEquals(started.steps[0]?.error?.code, "FAILED_PRECONDITION");
  assertEquals(enabled.end.success, true, enabled.end.message);
  assertEquals(host.ran, ["rc-update add app default"]);
});

/** Root of an image with a systemd, whose tool answers success to everything. */
function image(states: Map<string, string>): FakeHost {
  const programs: FakePrograms = {
    cat: () => ({ stdout: "0::/\n" }),
    sha256sum: () => ({ stdout: "" }),
    systemctl: (host, words) => {
      if (words[0] !== "--root=/") return 0;
      const [, act, , name = ""] = words;
      const isFile = host.tree.has(`/etc/systemd/system/${name}`);
      const state = states.get(name) ?? (isFile ? "disabled" : undefined);
      if (act === "is-enabled") {
        return state === undefined
          ? { code: 1, stderr: "Failed to get unit file state\n" }
          : { code: state === "enabled" ? 0 : 1, stdout: `${state}\n` };
      }
      states.set(
        name,
        { enable: "enabled", mask: "masked" }[act ?? ""] ?? "disabled",
      );
      return 0;
    },
  };
  const names = [
    "/etc",
    "/etc/systemd",
    "/etc/systemd/system",
    "/usr",
    "/usr/bin",
  ];
  const tree = new Map<string, FakeNode>([
    ...names.map((path) => [path, FOLDER] as const),
    ["/usr/bin/systemctl", FILE],
  ]);
  return new FakeHost(tree, undefined, programs);
}

Deno.test("units in the root of an image are enabled, disabled and masked by their links", async () => {
  const states = new Map([
    ["web.service", "disabled"],
    ["db.service", "enabled"],
    ["old.service", "masked"],
    ["fix.service", "static"],
  ]);
  const host = image(states);
  const steps = [
    ...["web", "old", "fix"].map((name) => ({
      ...service("Enabled", { name }),
      name,
    })),
    service("Disabled", { name: "db" }),
    service("Masked", { name: "new" }),
    service("Stopped", { name: "web" }),
  ];

  const applied = await apply(host, ...steps);
  const again = await apply(host, ...steps);

  assertEquals(applied.end.success, true, applied.end.message);
  assertEquals([...states], [
    ["web.service", "enabled"],
    ["db.service", "disabled"],
    ["old.service", "enabled"],
    ["fix.service", "static"],
    ["new.service", "masked"],
  ]);
  assertEquals(again.end.changed, false);
  assertEquals(again.steps.at(-1)?.reason, "no systemd runs here");
});

for (
  const step of [
    service("Running", { name: "web" }),
    service("Restart", { name: "web" }),
    service("Reload", { name: "web" }),
    {
      operation: "systemd.Unit",
      params: { name: "web", content: "[Service]\n", running: true },
    },
    { operation: "wait.For", params: { service: "web" } },
  ]
) {
  Deno.test(`${step.operation} in the root of an image is refused before anything is done`, async () => {
    const host = image(new Map([["web.service", "disabled"]]));

    const { steps } = await apply(host, step);

    assertEquals(steps[0]?.error?.code, "FAILED_PRECONDITION");
    assertEquals(host.writes, 0);
  });
}

for (
  const step of [
    {
      operation: "systemd.Unit",
      params: { name: "app", content: "[Install]\n", enabled: true },
    },
    {
      operation: "systemd.Timer",
      params: { name: "app", calendar: ["daily"], command: "x" },
    },
  ]
) {
  Deno.test(`${step.operation} in the root of an image is written and enabled`, async () => {
    const states = new Map<string, string>();
    const host = image(states);

    const planned = await planOn(host, sheetOf(step));
    const applied = await apply(host, step);
    const again = await apply(host, step);

    assertEquals(planned.steps[0]?.changes.at(-1), {
      what: "enabled",
      from: "no",
      to: "yes",
    });
    assertEquals(lines(applied), lines(planned));
    assertEquals(lines(again), [["ok"]]);
    assertEquals([...states.values()], ["enabled"]);
  });
}
