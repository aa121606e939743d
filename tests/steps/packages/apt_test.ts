import { assertEquals, assertStringIncludes } from "@std/assert";
import { changeText } from "../../../lib/steps/engine/records.ts";
import { sheetOf } from "../runs.ts";
import { aptRoot, publish } from "./apt_root.ts";
import { type GuestRun, rootObstacle } from "./guest_root.ts";

const ignore = rootObstacle !== undefined;
if (ignore) {
  // deno-lint-ignore no-console
  console.log(`apt for real is not tested here: ${rootObstacle}`);
}

const PACKAGES = [
  { name: "piri-web", version: "1.0", depends: "piri-lib" },
  { name: "piri-lib", version: "1.0" },
  { name: "piri-tool", version: "1.0" },
];

function installed(params: Record<string, unknown>) {
  return sheetOf({
    operation: "package.Installed",
    params: params as never,
  });
}

/** Verdict of the first step, and its changes as people read them. */
function shown({ steps: [step] }: GuestRun) {
  return [step?.verdict, ...(step?.changes ?? []).map(changeText)];
}

Deno.test({
  name:
    "a package is planned with what comes along, installed once, and then is right",
  ignore,
  fn: async () => {
    await using guest = await aptRoot(PACKAGES);
    const sheet = installed({ name: ["piri-web"] });
    const before = await guest.written();

    const plan = await guest.plan(sheet);
    const between = await guest.written();
    const apply = await guest.apply(sheet, plan.steps);
    const again = await guest.apply(sheet);

    assertEquals(shown(plan), [
      "change",
      "piri-web (absent) -> 1.0, with 1 more",
    ]);
    assertEquals(between, before);
    assertEquals([apply.success, apply.notes], [true, []], apply.message);
    assertEquals(apply.steps[0]?.changed, true);
    assertEquals(shown(again), ["ok"]);
    assertStringIncludes(
      await guest.run("dpkg-query", "-W", "piri-lib", "piri-web"),
      "piri-web\t1.0",
    );
  },
});

Deno.test({
  name: "a plan's version is installed though a newer one has come since",
  ignore,
  fn: async () => {
    await using guest = await aptRoot(PACKAGES);
    const sheet = installed({ name: ["piri-tool"] });

    const plan = await guest.plan(sheet);
    await publish(guest, [{ name: "piri-tool", version: "2.0" }]);
    await guest.run("apt-get", "-q", "update");
    const apply = await guest.apply(sheet, plan.steps);
    const latest = installed({ name: ["piri-tool"], latest: true });
    const newer = await guest.plan(latest);
    const upgrade = await guest.apply(latest, newer.steps);
    const again = await guest.plan(latest);

    assertEquals(apply.success, true, apply.message);
    assertEquals(shown(newer), ["change", "piri-tool 1.0 -> 2.0"]);
    assertEquals(upgrade.success, true, upgrade.message);
    assertEquals(shown(again), ["ok"]);
  },
});

Deno.test({
  name:
    "an older version is installed only if it is asked for, and what is held is not touched",
  ignore,
  fn: async () => {
    await using guest = await aptRoot([
      { name: "piri-tool", version: "1.0" },
      { name: "piri-tool", version: "2.0" },
    ]);
    await guest.apply(installed({ name: ["piri-tool"] }));

    const held = installed({ name: ["piri-tool"], version: "1.*", hold: true });
    const plan = await guest.plan(held);
    const older = await guest.apply(held, plan.steps);
    const again = await guest.plan(held);
    const kept = await guest.plan(
      installed({ name: ["piri-tool"], latest: true }),
    );
    const upgrade = await guest.plan(
      sheetOf({ operation: "package.Upgraded" }),
    );
    const free = await guest.apply(
      installed({ name: ["piri-tool"], hold: false, latest: true }),
    );

    assertEquals(shown(plan), [
      "change",
      "piri-tool 2.0 -> 1.0",
      "piri-tool hold no -> yes",
    ]);
    assertEquals(older.success, true, older.message);
    assertEquals(shown(again), ["ok"]);
    assertStringIncludes(kept.steps[0]?.error?.message ?? "", "it is held");
    assertEquals(shown(upgrade), ["ok"]);
    assertEquals(free.success, true, free.message);
    assertEquals(await guest.run("apt-mark", "showhold"), "");
    assertStringIncludes(await guest.run("dpkg-query", "-W"), "piri-tool\t2.0");
  },
});

Deno.test({
  name:
    "a package is removed with what needs it, which the plan names, and purged",
  ignore,
  fn: async () => {
    await using guest = await aptRoot(PACKAGES);
    await guest.apply(installed({ name: ["piri-web"] }));
    const absent = (params: object) =>
      sheetOf({
        operation: "package.Absent",
        params: { name: ["piri-lib"], ...params },
      });

    const plan = await guest.plan(absent({}));
    const apply = await guest.apply(absent({}), plan.steps);
    const again = await guest.plan(absent({}));
    const purge = await guest.plan(absent({ purge: true }));
    const purged = await guest.apply(absent({ purge: true }), purge.steps);
    const last = await guest.plan(absent({ purge: true }));

    assertEquals(shown(plan), [
      "change",
      "piri-web 1.0 -> (absent)",
      "piri-lib 1.0 -> (absent)",
    ]);
    assertEquals(apply.success, true, apply.message);
    assertEquals(shown(again), ["ok"]);
    assertEquals(purge.steps[0]?.verdict, "change");
    assertEquals([purged.success, purged.steps[0]?.changed], [true, true]);
    assertEquals(shown(last), ["ok"]);
  },
});

Deno.test({
  name: "an apply removes nothing that its plan did not name",
  ignore,
  fn: async () => {
    await using guest = await aptRoot(PACKAGES);
    await guest.apply(installed({ name: ["piri-lib"] }));
    const sheet = sheetOf({
      operation: "package.Absent",
      params: { name: ["piri-lib"] },
    });
    const plan = await guest.plan(sheet);
    await guest.run("apt-get", "-y", "-q", "install", "piri-web");

    const apply = await guest.apply(sheet, plan.steps);

    assertEquals(apply.success, false);
    assertEquals(
      apply.steps[0]?.error?.message,
      'Cannot change packages: now "piri-web" would be removed, which was not planned; plan again',
    );
  },
});

Deno.test({
  name:
    "a package that no list has is an error which says how old the lists are",
  ignore,
  fn: async () => {
    await using guest = await aptRoot(PACKAGES);
    const sheet = installed({ name: ["piri-nothing"] });
    const old =
      "find /var/lib/apt/lists -exec touch -d '3 days ago' {} +; rm -f /var/lib/apt/periodic/*";

    await guest.shell(old);
    const plan = await guest.plan(sheet);
    await guest.shell("rm -rf /var/lib/apt/lists/*");
    const never = await guest.plan(sheet);
    const essential = await guest.plan(
      sheetOf({ operation: "package.Absent", params: { name: ["dash"] } }),
    );

    assertStringIncludes(
      plan.steps[0]?.error?.message ?? "",
      "Unable to locate package piri-nothing; the lists of packages are 3 days old: put package.Lists before this step",
    );
    assertStringIncludes(
      never.steps[0]?.error?.message ?? "",
      "were never read here",
    );
    assertStringIncludes(
      essential.steps[0]?.error?.message ?? "",
      "this host cannot do without it",
    );
  },
});

Deno.test({
  name:
    "lists are read anew when they are old, and a package behind them is planned without a version",
  ignore,
  fn: async () => {
    await using guest = await aptRoot(PACKAGES);
    const old =
      "find /var/lib/apt/lists -exec touch -d '3 days ago' {} +; rm -f /var/lib/apt/periodic/*";
    const sheet = sheetOf(
      { operation: "package.Lists" },
      { operation: "package.Installed", params: { name: ["piri-tool"] } },
    );

    const fresh = await guest.plan(sheet);
    await guest.shell(old);
    const plan = await guest.plan(sheet);
    const apply = await guest.apply(sheet, plan.steps);
    const again = await guest.plan(sheet);

    assertEquals(fresh.steps.map(({ verdict }) => verdict), ["ok", "change"]);
    assertEquals(plan.steps.map(({ verdict }) => verdict), [
      "change",
      "change",
    ]);
    assertEquals(plan.steps[1]?.changes.map(changeText), [
      "piri-tool (absent) -> the newest version of the new lists",
    ]);
    assertEquals(apply.success, true, apply.message);
    assertEquals(apply.steps.map(({ changed }) => changed), [false, true]);
    assertEquals(again.steps.map(({ verdict }) => verdict), ["ok", "ok"]);
  },
});

Deno.test({
  name:
    "lists that were read, or have become old, since a plan do not make an apply of it refuse",
  ignore,
  fn: async () => {
    const old =
      "find /var/lib/apt/lists -exec touch -d '3 days ago' {} +; rm -f /var/lib/apt/periodic/*";
    const sheet = sheetOf(
      { operation: "package.Lists" },
      { operation: "package.Installed", params: { name: ["piri-tool"] } },
    );
    for (
      const [before, between] of [[old, "apt-get update"], [
        "true",
        old,
      ]] as const
    ) {
      await using guest = await aptRoot(PACKAGES);
      await guest.shell(before);
      const plan = await guest.plan(sheet);
      await guest.shell(between);
      const apply = await guest.apply(sheet, plan.steps);

      assertEquals(apply.success, true, apply.message);
      assertEquals(apply.steps.map(({ changed }) => changed ?? false), [
        false,
        true,
      ]);
    }
  },
});

Deno.test({
  name:
    "all packages are upgraded but for the excepted, and those installed for others stay so",
  ignore,
  fn: async () => {
    await using guest = await aptRoot(PACKAGES);
    await guest.apply(installed({ name: ["piri-web", "piri-tool"] }));
    await publish(
      guest,
      PACKAGES.map((each) => ({ ...each, version: "2.0" })),
    );
    await guest.run("apt-get", "-q", "update");
    const sheet = sheetOf({
      operation: "package.Upgraded",
      params: { except: ["piri-tool"] },
    });

    const plan = await guest.plan(sheet);
    const apply = await guest.apply(sheet, plan.steps);
    const again = await guest.plan(sheet);

    assertEquals(shown(plan), [
      "change",
      "piri-lib 1.0 -> 2.0",
      "piri-web 1.0 -> 2.0",
    ]);
    assertEquals([apply.success, apply.notes], [true, []], apply.message);
    assertEquals(shown(again), ["ok"]);
    assertStringIncludes(
      await guest.run("apt-mark", "showauto"),
      "piri-lib",
    );
  },
});

Deno.test({
  name: "an interrupted installation is finished first",
  ignore,
  fn: async () => {
    await using guest = await aptRoot([
      ...PACKAGES,
      { name: "piri-flaky", version: "1.0", postinst: "test -e /opt/works" },
    ]);
    const sheet = installed({ name: ["piri-flaky"] });

    const failed = await guest.apply(sheet);
    const half = await guest.plan(sheet);
    await guest.run("touch", "/opt/works");
    const apply = await guest.apply(sheet, half.steps);
    const again = await guest.plan(sheet);

    assertEquals(failed.success, false);
    assertEquals(shown(half), [
      "change",
      "what was interrupted is finished: piri-flaky",
    ]);
    assertEquals(apply.success, true, apply.message);
    assertEquals(shown(again), ["ok"]);
  },
});

Deno.test({
  name: "a transaction waits for the holder of the lock, and names it",
  ignore,
  fn: async () => {
    await using guest = await aptRoot(PACKAGES);
    await guest.shell(
      `cat >/opt/hold.py <<'END'
import fcntl, os, time
lock = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
open("/opt/held", "w").close()
while not os.path.exists("/opt/release"):
    time.sleep(0.05)
END
      python3 /opt/hold.py >/dev/null 2>&1 &
      until test -e /opt/held; do sleep 0.01; done`,
    );

    const apply = await guest.apply(
      installed({ name: ["piri-tool"] }),
      undefined,
      { text: "waits for the lock", path: "/opt/release" },
    );

    assertEquals(apply.success, true, apply.message);
    assertStringIncludes(
      apply.output,
      "waits for the lock of apt: python3 (process",
    );
  },
});

Deno.test({
  name: "a signed repository is set up with its lists, and taken away",
  ignore,
  fn: async () => {
    await using guest = await aptRoot(PACKAGES);
    const key = await guest.shell(`
      export GNUPGHOME=/opt/gnupg; mkdir -m 700 $GNUPGHOME
      trap 'gpgconf --kill gpg-agent' EXIT
      gpg --batch --passphrase '' --quick-gen-key piri-test default default never 2>/dev/null
      cd ${"/opt/repository"}
      printf 'Suite: stable\\nSHA256:\\n %s %s Packages\\n' "$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)" >Release
      gpg --batch --clearsign -o InRelease Release
      rm /etc/apt/sources.list; rm -rf /var/lib/apt/lists/*
      gpg --armor --export piri-test`);
    const repository = (params: object) => ({
      operation: "package.Repository",
      params: {
        name: "piri-test",
        url: "file:/opt/repository",
        suites: ["./"],
        key,
        ...params,
      },
    });
    const tool = {
      operation: "package.Installed",
      params: { name: ["piri-tool"] },
    };
    const sheet = sheetOf(repository({}), tool);

    const plan = await guest.plan(sheet);
    const apply = await guest.apply(sheet, plan.steps);
    const again = await guest.plan(sheet);
    const wrong = await guest.apply(
      sheetOf(repository({ name: "other", url: "file:/opt/nowhere" })),
    );
    const gone = await guest.apply(sheetOf(repository({ absent: true })));
    const files = await guest.shell(
      "ls -A /etc/apt/sources.list.d /etc/apt/keyrings",
    );

    assertEquals(plan.steps.map(({ verdict }) => verdict), [
      "change",
      "change",
    ]);
    assertEquals(apply.success, true, apply.message);
    assertEquals(again.steps.map(({ verdict }) => verdict), ["ok", "ok"]);
    assertEquals(wrong.success, false);
    assertEquals(gone.success, true, gone.message);
    assertEquals(files.includes("piri-test"), false);
    assertEquals(files.includes(".sources"), false);
  },
});
