import { join } from "@std/path";
import { messageOf } from "../../lib/base/errors.ts";
import { run } from "../../scripts/build/run.ts";
import { hasTool } from "../../scripts/package/make.ts";
import { FOREIGN } from "./foreign_build.ts";

/** Packages with the libraries that our executables need. */
const PACKAGES = ["libc6", "libgcc-s1"];

/** Keys of Debian, by which apt knows its packages. */
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Source of packages, whatever this machine itself is. */
const SOURCE =
  `deb [signed-by=${KEYRING}] http://deb.debian.org/debian bookworm main\n`;

/**
 * Folder with the libraries of arm64, as in `/`. They are taken from Debian the first time, and kept for later runs.
 *
 * @throws {PiriError} with the reason, such as that Debian cannot be reached
 */
export async function arm64Libraries(): Promise<string> {
  const folder = join(FOREIGN, "arm64-libraries");
  await Deno.mkdir(FOREIGN, { recursive: true });
  using lock = await Deno.open(`${folder}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await isFolder(folder)) return folder;
  const half = await Deno.makeTempDir({ dir: FOREIGN, prefix: "arm64-" });
  try {
    const debs = join(half, "debs");
    await download(debs);
    const root = join(half, "root");
    for await (const { name } of Deno.readDir(debs)) {
      if (!name.endsWith(".deb")) continue;
      await run(["dpkg-deb", "--extract", join(debs, name), root]);
    }
    await Deno.rename(root, folder);
  } finally {
    await Deno.remove(half, { recursive: true });
  }
  return folder;
}

/** Downloads the packages by apt, which checks them, with lists of its own: those of this machine stay as they are. */
async function download(debs: string): Promise<void> {
  await Deno.mkdir(join(debs, "state", "lists", "partial"), {
    recursive: true,
  });
  await Deno.mkdir(join(debs, "cache", "archives", "partial"), {
    recursive: true,
  });
  const list = join(debs, "sources.list");
  await Deno.writeTextFile(list, SOURCE);
  const options = [
    "APT::Architecture=arm64",
    "APT::Architectures::=arm64",
    `Dir::State=${join(debs, "state")}`,
    "Dir::State::status=/dev/null",
    `Dir::Cache=${join(debs, "cache")}`,
    `Dir::Etc::sourcelist=${list}`,
    "Dir::Etc::sourceparts=/dev/null",
    // Its own user could not write into this folder.
    "APT::Sandbox::User=root",
    // A mirror that cannot be reached is an error, not a warning.
    "APT::Update::Error-Mode=any",
  ].flatMap((option) => ["-o", option]);
  const apt = ["apt-get", "-qq", ...options];
  await run([...apt, "update"], { cwd: debs });
  await run([...apt, "download", ...PACKAGES], { cwd: debs });
}

/** Reason for which this machine cannot start executables of arm64; undefined if it can. */
export async function whyNoArm64(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "it emulates a Linux system";
  if (Deno.uid() !== 0) return "only root can add libraries to a system";
  for (
    const program of ["qemu-aarch64-static", "unshare", "apt-get", "dpkg-deb"]
  ) {
    if (!await hasTool(program)) return `this machine has no ${program}`;
  }
  try {
    await arm64Libraries();
  } catch (error) {
    const [line] = messageOf(error).trimEnd().split("\n").slice(-1);
    return `the libraries of arm64 cannot be had: ${line}`;
  }
  return undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then(
    ({ isDirectory }) => isDirectory,
    () => false,
  );
}
