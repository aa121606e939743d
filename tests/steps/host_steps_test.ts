import { assertEquals } from "@std/assert";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import type { FakePrograms } from "./fake_host.ts";
import { file, hostWith } from "./host_with.ts";
import { applyOn, planOn, sheetOf } from "./runs.ts";
import { lines, type Step } from "./service_runs.ts";

function step(operation: string, params: SheetStep["params"]): Step {
  return { operation: `host.${operation}`, params };
}

for (
  const [what, before, params, after] of [
    [
      "adds a line",
      "127.0.0.1 localhost\n",
      { ip: "10.0.0.1", names: ["db", "db.lan"] },
      "127.0.0.1 localhost\n10.0.0.1\tdb db.lan\n",
    ],
    [
      "adds names to the line of the address, and keeps the others and the comment",
      "127.0.0.1 localhost # own\n::1 localhost\n",
      { ip: "127.0.0.1", names: ["web", "LOCALHOST"] },
      "127.0.0.1\tlocalhost web # own\n::1 localhost\n",
    ],
    [
      "takes the names from other addresses of the family only",
      "10.0.0.2 db old\n10.0.0.3 db\nfe80::1 db\n# 10.0.0.4 db\n",
      { ip: "10.0.0.1", names: ["db"] },
      "10.0.0.2\told\nfe80::1 db\n# 10.0.0.4 db\n10.0.0.1\tdb\n",
    ],
    [
      "knows an address in another form",
      "2001:db8:0:0::1 db\n",
      { ip: "2001:DB8::1", names: ["db"] },
      "2001:db8:0:0::1 db\n",
    ],
    [
      "makes one of two lines",
      "10.0.0.1 a\n10.0.0.1 db\n",
      { ip: "10.0.0.1", names: ["db"] },
      "10.0.0.1\ta db\n",
    ],
    [
      "removes names, and the line without any",
      "10.0.0.1 db x\n10.0.0.2 db\n10.0.0.1 db\n",
      { ip: "10.0.0.1", names: ["db"], absent: true },
      "10.0.0.1\tx\n10.0.0.2 db\n",
    ],
  ] as const
) {
  Deno.test(`an entry of hosts ${what}, and nothing the next time`, async () => {
    const host = hostWith({ "/etc/hosts": before });
    const sheet = sheetOf(step("Entry", params));

    const planned = await planOn(host, sheet);
    const applied = await applyOn(host, sheet);
    const again = await applyOn(host, sheet);

    assertEquals(host.tree.get("/etc/hosts")?.text, after);
    assertEquals(lines(planned), lines(applied));
    assertEquals(lines(again), [["ok"]]);
  });
}

for (
  const [what, params] of [
    ["address", { ip: "10.0.0.256", names: ["db"] }],
    ["name as address", { ip: "db", names: ["db"] }],
    ["name of two lines", { ip: "10.0.0.1", names: ["db\n1.1.1.1 x"] }],
    ["name with a blank", { ip: "10.0.0.1", names: ["a b"] }],
    ["empty name", { ip: "10.0.0.1", names: [""] }],
    ["name with a comment", { ip: "10.0.0.1", names: ["#x"] }],
    ["long name", { ip: "10.0.0.1", names: ["x".repeat(64)] }],
    ["list without names", { ip: "10.0.0.1", names: [] }],
  ] as const
) {
  Deno.test(`an entry of hosts with a wrong ${what} is refused`, async () => {
    const host = hostWith({ "/etc/hosts": "" });

    const { steps } = await planOn(host, sheetOf(step("Entry", params)));

    assertEquals(steps[0]?.error?.code, "INVALID_ARGUMENT");
  });
}

/** Program that has the name of the kernel, and changes it. */
function naming(name: string): FakePrograms {
  let now = name;
  return {
    uname: () => ({ stdout: `${now}\n` }),
    hostname: (_, [wanted = ""]) => {
      now = wanted;
      return 0;
    },
  };
}

Deno.test("a host gets its name in its file and in the kernel, and not again", async () => {
  const host = hostWith({
    "/etc/hostname": "old\n",
    "/usr/bin/hostname": "",
    "/run/systemd/system/x": "",
  }, naming("older"));
  const sheet = sheetOf(
    step("Name", { name: "web-1" }),
    { ...step("Name", { name: "web-1" }), name: "again" },
  );

  const planned = await planOn(host, sheet);
  const applied = await applyOn(host, sheet);

  assertEquals(lines(planned).map((line) => (line as string[]).at(-1)), [
    "name older web-1",
    "ok",
  ]);
  assertEquals(lines(planned), lines(applied));
  assertEquals(host.tree.get("/etc/hostname")?.text, "web-1\n");
  assertEquals(host.ran, ["hostname web-1"]);
});

Deno.test("the root of an image gets the file of the name only", async () => {
  const host = hostWith({ "/etc/hostname": "old\n" }, naming("older"));

  const applied = await applyOn(host, sheetOf(step("Name", { name: "web" })));

  assertEquals(applied.end.success, true, applied.end.message);
  assertEquals(host.ran, []);
});

for (const name of ["", "-x", "a b", "ä", "a..b", "x".repeat(65), "a\nb"]) {
  Deno.test(`the host name ${JSON.stringify(name).slice(0, 12)} is refused`, async () => {
    const host = hostWith({ "/etc/hostname": "old\n" }, naming("older"));

    const { steps } = await planOn(host, sheetOf(step("Name", { name })));

    assertEquals(steps[0]?.error?.code, "INVALID_ARGUMENT");
  });
}

const ZONES = {
  "/usr/share/zoneinfo/Europe/Berlin": "",
  "/usr/share/zoneinfo/UTC": "",
};

for (
  const [what, files, changes] of [
    [
      "by a link to another zone",
      { "/etc/localtime": "-> ../usr/share/zoneinfo/UTC" },
      ["zone UTC Europe/Berlin"],
    ],
    ["without a zone", {}, ["zone UTC Europe/Berlin"]],
    [
      "with a file of its own",
      { "/etc/localtime": "x", "/etc/timezone": "UTC\n" },
      ["zone file Europe/Berlin", "timezone content"],
    ],
  ] as const
) {
  Deno.test(`a host ${what} is put into its time zone, and not again`, async () => {
    const host = hostWith({ ...ZONES, ...files });
    const sheet = sheetOf(step("Timezone", { zone: "Europe/Berlin" }));

    const applied = await applyOn(host, sheet);
    const again = await applyOn(host, sheet);

    assertEquals(
      applied.steps[0]?.changes.map(({ what, from, to }) =>
        what === "zone" ? `zone ${from} ${to}` : what
      ),
      [...changes],
    );
    assertEquals(lines(again), [["ok"]]);
    assertEquals(
      host.tree.get("/etc/localtime")?.target,
      "/usr/share/zoneinfo/Europe/Berlin",
    );
  });
}

Deno.test("a time zone that is linked by a relative path is right", async () => {
  const host = hostWith({
    ...ZONES,
    "/etc/localtime": "-> ../usr/share/zoneinfo/UTC",
  });

  const planned = await planOn(
    host,
    sheetOf(step("Timezone", { zone: "UTC" })),
  );

  assertEquals(lines(planned), [["ok"]]);
});

for (const zone of ["Mars/Base", "../../etc/passwd", "", "Europe", "a\nb"]) {
  Deno.test(`the time zone ${JSON.stringify(zone)} is refused`, async () => {
    const host = hostWith(ZONES);

    const { steps } = await planOn(host, sheetOf(step("Timezone", { zone })));

    assertEquals(steps[0]?.verdict, "failed");
  });
}

/** Programs that list and make locales. */
function localeMaker(): FakePrograms {
  return {
    locale: (host) => ({
      stdout: `C\nPOSIX\nC.utf8\n${host.tree.get("/made")?.text ?? ""}`,
    }),
    "locale-gen": (host) => {
      const list = host.tree.get("/etc/locale.gen")?.text ?? "";
      const made = list.split("\n").filter((line) => /^\w/.test(line))
        .map((line) => line.split(" ")[0]?.replace("UTF-8", "utf8") ?? "");
      host.tree.set("/made", file(`${made.join("\n")}\n`));
      return 0;
    },
  };
}

const DEBIAN = {
  "/etc/debian_version": "12\n",
  "/etc/default/locale": "#  File\nLANG=C\nLC_TIME=C\n",
  "/etc/locale.gen": "# de_DE.UTF-8 UTF-8\n# fr_FR.UTF-8 UTF-8\n",
  "/usr/sbin/locale-gen": "",
};

Deno.test("a locale is made where it is missing, and set, and not again", async () => {
  const host = hostWith(DEBIAN, localeMaker());
  const sheet = sheetOf(step("Locale", { locale: "de_DE.UTF-8" }));

  const planned = await planOn(host, sheet);
  const applied = await applyOn(host, sheet);
  const again = await applyOn(host, sheet);

  assertEquals(lines(planned), lines(applied));
  assertEquals(applied.steps[0]?.changes.map(({ what }) => what), [
    "locale",
    "content",
  ]);
  assertEquals(lines(again), [["ok"]]);
  assertEquals(
    host.tree.get("/etc/locale.gen")?.text,
    "de_DE.UTF-8 UTF-8\n# fr_FR.UTF-8 UTF-8\n",
  );
  assertEquals(
    host.tree.get("/etc/default/locale")?.text,
    "#  File\nLANG=de_DE.UTF-8\nLC_TIME=C\n",
  );
});

Deno.test("a locale that is there is only set", async () => {
  const host = hostWith({}, localeMaker());

  await applyOn(host, sheetOf(step("Locale", { locale: "C.UTF-8" })));

  assertEquals(host.tree.get("/etc/locale.conf")?.text, "LANG=C.UTF-8\n");
  assertEquals(host.ran, []);
});

for (
  const [locale, code] of [
    ["de_DE.UTF-8", "FAILED_PRECONDITION"],
    ["", "INVALID_ARGUMENT"],
    ["de_DE\nX=1", "INVALID_ARGUMENT"],
    ["../x", "INVALID_ARGUMENT"],
  ] as const
) {
  Deno.test(`the locale ${JSON.stringify(locale)} is refused on a host that cannot make it`, async () => {
    const host = hostWith({}, localeMaker());

    const { steps } = await planOn(host, sheetOf(step("Locale", { locale })));

    assertEquals(steps[0]?.error?.code, code);
  });
}
