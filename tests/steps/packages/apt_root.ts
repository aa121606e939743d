import { GuestRoot } from "./guest_root.ts";

/** Package of a test's repository. */
export interface TestPackage {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
  readonly fields?: readonly string[];
  /** Script after its installation. */
  readonly postinst?: string;
}

/** Folder of the repository in the guest. */
export const REPOSITORY = "/opt/repository";

/** Guest with apt and one small repository. */
export async function aptRoot(
  packages: readonly TestPackage[],
): Promise<GuestRoot> {
  const guest = await GuestRoot.start();
  await guest.shell(
    "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*; " +
      `mkdir -p ${REPOSITORY} /var/lib/apt/lists/partial; ` +
      `echo 'deb [trusted=yes] file:${REPOSITORY} ./' >/etc/apt/sources.list`,
  );
  await publish(guest, packages);
  await guest.run("apt-get", "-q", "update");
  return guest;
}

/** Adds packages to the repository of a guest. */
export async function publish(
  guest: GuestRoot,
  packages: readonly TestPackage[],
): Promise<void> {
  for (const each of packages) await build(guest, each);
  await guest.shell(
    `cd ${REPOSITORY}; dpkg-scanpackages --multiversion . >Packages 2>/dev/null`,
  );
}

async function build(
  guest: GuestRoot,
  { name, version, depends, fields = [], postinst }: TestPackage,
): Promise<void> {
  const control = [
    `Package: ${name}`,
    `Version: ${version}`,
    "Architecture: all",
    "Maintainer: Nobody <nobody@localhost>",
    ...depends === undefined ? [] : [`Depends: ${depends}`],
    ...fields,
    `Description: package of a test`,
  ].map((line) => `${line}\n`).join("");
  await guest.shell(`
    rm -rf /opt/build; mkdir -p /opt/build/DEBIAN /opt/build/etc
    cat >/opt/build/DEBIAN/control <<'END'
${control}END
    echo '${version}' >/opt/build/etc/${name}.conf
    echo /etc/${name}.conf >/opt/build/DEBIAN/conffiles
    ${
    postinst === undefined ? "" : `cat >/opt/build/DEBIAN/postinst <<'END'
#!/bin/sh
${postinst}
END
    chmod 755 /opt/build/DEBIAN/postinst`
  }
    dpkg-deb -Znone --build /opt/build ${REPOSITORY} >/dev/null`);
}
