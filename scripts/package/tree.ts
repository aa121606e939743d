import { dirname, join } from "@std/path";
import type { ServiceName } from "../../lib/service/service_host.ts";
import { systemdUnit } from "../../lib/service/systemd_unit.ts";
import { ROOT } from "../build/build.ts";
import { gzipped } from "./gzip.ts";

/** File of a package. */
export interface PackageFile {
  /** Absolute path on the host. */
  readonly path: string;
  readonly mode: number;
  readonly content: { readonly copyOf: string } | {
    readonly bytes: Uint8Array;
  };
}

/** Unit of a package: the one that `service install` writes, without what only slots need. */
export function packageUnit(name: ServiceName): string {
  const text = systemdUnit({
    name,
    executable: `/usr/bin/${name}`,
    dir: `/var/lib/${name}`,
    scope: "system",
    user: name === "piri-manager" ? "piri" : "",
    group: name === "piri-manager" ? "piri" : "",
    hasLowPort: false,
  });
  return text
    .replace(/^# Written by .*$/m, `# Part of the package ${name}.`)
    .replaceAll(/^ExecStartPre=.*guard.*\n/gm, "");
}

/** Files of a package, but for its executable and its scripts. */
export async function packageFiles(
  name: ServiceName,
  executable: string,
): Promise<PackageFile[]> {
  const text = (content: string) => ({
    bytes: new TextEncoder().encode(content),
  });
  const license = await Deno.readTextFile(join(ROOT, "LICENSE"));
  const page = await Deno.readFile(join(ROOT, `docs/man/${name}.1`));
  return [
    {
      path: `/usr/bin/${name}`,
      mode: 0o755,
      content: { copyOf: executable },
    },
    {
      path: `/usr/lib/systemd/system/${name}.service`,
      mode: 0o644,
      content: text(packageUnit(name)),
    },
    {
      path: `/usr/share/doc/${name}/copyright`,
      mode: 0o644,
      content: text(license),
    },
    {
      path: `/usr/share/man/man1/${name}.1.gz`,
      mode: 0o644,
      content: { bytes: gzipped(page) },
    },
    ...name === "piri-manager"
      ? [{
        path: "/usr/lib/sysusers.d/piri-manager.conf",
        mode: 0o644,
        content: text(
          'u piri - "Piri Manager" /var/lib/piri-manager /usr/sbin/nologin\n',
        ),
      }]
      : [],
  ];
}

/** Writes files below a folder, all with the same time. */
export async function writeTree(
  folder: string,
  files: readonly PackageFile[],
  time: Date,
): Promise<void> {
  for (const { path, mode, content } of files) {
    const to = join(folder, path);
    await Deno.mkdir(dirname(to), { recursive: true });
    if ("copyOf" in content) await Deno.copyFile(content.copyOf, to);
    else await Deno.writeFile(to, content.bytes);
    await Deno.chmod(to, mode);
    await Deno.utime(to, time, time);
  }
  await settleFolders(folder, time);
}

/** Gives all folders the mode and the time that they have in the package. */
async function settleFolders(folder: string, time: Date): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) await settleFolders(join(folder, name), time);
  }
  await Deno.chmod(folder, 0o755);
  await Deno.utime(folder, time, time);
}
