import { assertEquals, assertStringIncludes } from "@std/assert";
import { changeText } from "../../../lib/steps/engine/records.ts";
import { sheetOf } from "../runs.ts";
import { GuestRoot, type GuestRun, rootObstacle } from "./guest_root.ts";

/** Folder of Debian packages with dnf, zypper, pacman and createrepo_c, which the copy of this host gets. */
const debs = Deno.env.get("PIRI_PACKAGE_DEBS");
const obstacle = rootObstacle ??
  (debs === undefined ? "PIRI_PACKAGE_DEBS names no folder" : undefined);
const ignore = obstacle !== undefined;
if (ignore) {
  // deno-lint-ignore no-console
  console.log(`dnf, zypper and pacman for real are not tested: ${obstacle}`);
}

/** Packages of the repository: web needs lib, and tool has two versions. */
const PACKAGES = [
  { name: "piri-web", version: "1.0", needs: "piri-lib" },
  { name: "piri-lib", version: "1.0" },
  { name: "piri-tool", version: "1.0" },
  { name: "piri-tool", version: "2.0" },
];

async function guestLike(system: string): Promise<GuestRoot> {
  const guest = await GuestRoot.start();
  await guest.shell(`
    dpkg -i --force-all ${debs}/*.deb >/opt/dpkg.log 2>&1 || true
    printf 'ID=${system}\\n' >/opt/os-release; rm -f /etc/os-release; cp /opt/os-release /etc/os-release
    mkdir -p /opt/repository /var/lib/rpm; rm -rf /etc/yum.repos.d/* /etc/zypp/repos.d/*`);
  return guest;
}

async function rpmGuest(system: string): Promise<GuestRoot> {
  const guest = await guestLike(system);
  await guest.shell(
    "rm -rf /var/lib/rpm/*; mkdir -p /etc/rpm; echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros; rpm --initdb",
  );
  for (const { name, version, needs } of PACKAGES) {
    await guest.shell(`cat >/opt/spec <<'END'
Name: ${name}
Version: ${version}
Release: 1
Summary: Package of a test
License: MIT
BuildArch: noarch
${needs === undefined ? "" : `Requires: ${needs}`}
%description
Package of a test
%files
END
rpmbuild -bb --define '_rpmdir /opt/repository' --define '_topdir /opt/build' /opt/spec >/opt/rpm.log 2>&1`);
  }
  await guest.shell("createrepo_c -q /opt/repository");
  return guest;
}

async function pacmanGuest(): Promise<GuestRoot> {
  const guest = await guestLike("arch");
  for (const { name, version, needs } of PACKAGES) {
    await guest.shell(`
      rm -rf /opt/build; mkdir /opt/build; cd /opt/build
      printf 'pkgname = ${name}\\npkgver = ${version}-1\\narch = any\\nsize = 1\\n${
      needs === undefined ? "" : `depend = ${needs}\\n`
    }' >.PKGINFO
      tar czf /opt/repository/${name}-${version}-1-any.pkg.tar.gz .PKGINFO
      cd /opt/repository; repo-add -q test.db.tar.gz ${name}-${version}-1-any.pkg.tar.gz >/opt/add.log 2>&1 || { cat /opt/add.log >&2; false; }`);
  }
  await guest.shell(
    `printf '[options]\\nArchitecture = auto\\nSigLevel = Never\\n[test]\\nServer = file:///opt/repository\\n' >/etc/pacman.conf
    mkdir -p /var/lib/pacman; pacman -Sy >/opt/sync.log 2>&1`,
  );
  return guest;
}

function shown({ steps }: GuestRun, index = 0) {
  const step = steps[index];
  return [step?.verdict, ...(step?.changes ?? []).map(changeText)];
}

function step(operation: string, params: object = {}) {
  return { operation, params: params as never };
}

for (const system of ["fedora", "opensuse"]) {
  Deno.test({
    name:
      `packages of ${system} are planned, installed in a version, upgraded and removed`,
    ignore,
    fn: async () => {
      await using guest = await rpmGuest(system);
      const repository = step("package.Repository", {
        name: "piri-test",
        url: "file:///opt/repository",
      });
      const web = sheetOf(step("package.Installed", { name: ["piri-web"] }));
      const old = sheetOf(
        step("package.Installed", { name: ["piri-tool"], version: "1.0" }),
      );
      const upgraded = sheetOf(step("package.Upgraded"));
      const absent = sheetOf(step("package.Absent", { name: ["piri-lib"] }));
      const nothing = sheetOf(
        step("package.Installed", { name: ["piri-nothing"] }),
      );

      const set = await guest.apply(sheetOf(repository));
      const again = await guest.plan(sheetOf(repository));
      const webPlan = await guest.plan(web);
      const webApply = await guest.apply(web, webPlan.steps);
      const webAgain = await guest.plan(web);
      const oldPlan = await guest.plan(old);
      const oldApply = await guest.apply(old, oldPlan.steps);
      const upgradePlan = await guest.plan(upgraded);
      const upgradeApply = await guest.apply(upgraded, upgradePlan.steps);
      const downApply = await guest.apply(old);
      const absentPlan = await guest.plan(absent);
      const absentApply = await guest.apply(absent, absentPlan.steps);
      const missing = await guest.plan(nothing);

      assertEquals(set.success, true, set.message + set.output);
      assertEquals(shown(again), ["ok"]);
      assertEquals(shown(webPlan), [
        "change",
        "piri-web (absent) -> 1.0-1, with 1 more",
      ], webPlan.message);
      assertEquals(webApply.success, true, webApply.message + webApply.output);
      assertEquals(shown(webAgain), ["ok"]);
      assertEquals(shown(oldPlan), ["change", "piri-tool (absent) -> 1.0-1"]);
      assertEquals(oldApply.success, true, oldApply.message);
      assertEquals(shown(upgradePlan), ["change", "piri-tool 1.0-1 -> 2.0-1"]);
      assertEquals(upgradeApply.success, true, upgradeApply.message);
      assertEquals(
        downApply.success,
        true,
        downApply.message + downApply.output,
      );
      assertEquals(shown(absentPlan).toSorted(), [
        "change",
        "piri-lib 1.0-1 -> (absent)",
        "piri-web 1.0-1 -> (absent)",
      ]);
      assertEquals(absentApply.success, true, absentApply.message);
      assertStringIncludes(
        missing.steps[0]?.error?.message ?? "",
        "piri-nothing",
      );
    },
  });
}

Deno.test({
  name:
    "packages of arch are planned, installed and removed, in the version that there is",
  ignore,
  fn: async () => {
    await using guest = await pacmanGuest();
    const web = sheetOf(step("package.Installed", { name: ["piri-web"] }));
    const old = sheetOf(
      step("package.Installed", { name: ["piri-tool"], version: "1.0" }),
    );
    const absent = sheetOf(
      step("package.Absent", { name: ["piri-web"], autoremove: true }),
    );

    const plan = await guest.plan(web);
    const apply = await guest.apply(web, plan.steps);
    const again = await guest.plan(web);
    const oldPlan = await guest.plan(old);
    const absentPlan = await guest.plan(absent);
    const absentApply = await guest.apply(absent, absentPlan.steps);
    const last = await guest.plan(absent);

    assertEquals(shown(plan), [
      "change",
      "piri-web (absent) -> 1.0-1, with 1 more",
    ], plan.steps[0]?.error?.message);
    assertEquals(apply.success, true, apply.message + apply.output);
    assertEquals(shown(again), ["ok"]);
    assertStringIncludes(
      oldPlan.steps[0]?.error?.message ?? "",
      "the lists of pacman have 2.0-1 only",
    );
    assertEquals(absentPlan.steps[0]?.verdict, "change");
    assertEquals(absentApply.success, true, absentApply.message);
    assertEquals(shown(last), ["ok"]);
  },
});
