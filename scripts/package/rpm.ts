import { join } from "@std/path";
import { run } from "../build/run.ts";
import { TempFolder } from "../local/temp_folder.ts";
import { folded } from "./deb.ts";
import {
  machineOf,
  type PackageFacts,
  packageVersion,
  summaryOf,
} from "./facts.ts";
import { rpmScripts } from "./maintainer_scripts.ts";
import { type PackageFile, writeTree } from "./tree.ts";

/** Name of an RPM package's file. */
export function rpmName(facts: PackageFacts): string {
  return `${facts.name}-${packageVersion(facts)}-1.${machineOf(facts).rpm}.rpm`;
}

/**
 * Recipe of an RPM package. The executable must stay as it is: what rpmbuild strips from it is the program itself.
 *
 * @param tree Folder with the files of the package.
 */
export function rpmSpec(
  facts: PackageFacts,
  { files, tree }: { files: readonly PackageFile[]; tree: string },
): string {
  const { summary, text } = summaryOf(facts);
  const { installed, removing, removed } = rpmScripts(facts.name);
  const list = files.map(({ path, mode }) =>
    `%attr(${mode.toString(8).padStart(4, "0")}, root, root) ${path}`
  );
  const docs = `%dir %attr(0755, root, root) /usr/share/doc/${facts.name}`;
  return `%global debug_package %{nil}
%global __os_install_post %{nil}
%global __brp_mangle_shebangs %{nil}
%global _build_id_links none
%global _binary_payload w2.xzdio
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _buildhost piri
%global __requires_exclude .*

Name: ${facts.name}
Version: ${packageVersion(facts)}
Release: 1
Summary: ${summary}
License: MIT
Group: System/Management
AutoReqProv: no
Requires: libc.so.6(GLIBC_2.27)(64bit)
Requires: libgcc_s.so.1()(64bit)
${facts.name === "piri-manager" ? "Requires(post): /usr/sbin/useradd\n" : ""}
%description
${folded(text).replaceAll(/^ /gm, "")}

%install
mkdir -p %{buildroot}
cp -a ${tree}/. %{buildroot}/

%post
${installed}
%preun
${removing}
%postun
${removed}
%files
${docs}
${list.join("\n")}
`;
}

/**
 * Makes an RPM package by rpmbuild, and returns its path.
 *
 * @throws {PiriError} NOT_FOUND without rpmbuild, INTERNAL with what it says
 */
export async function makeRpm(
  facts: PackageFacts,
  { files, out }: { files: readonly PackageFile[]; out: string },
): Promise<string> {
  await using folder = await TempFolder.make("piri-rpm-");
  const tree = folder.at("tree");
  await Deno.mkdir(tree);
  await writeTree(tree, files, facts.time);
  const spec = folder.at("piri.spec");
  await Deno.writeTextFile(spec, rpmSpec(facts, { files, tree }));
  await run([
    "rpmbuild",
    "-bb",
    "--quiet",
    `--target=${machineOf(facts).rpm}`,
    `--define=_topdir ${folder.at("top")}`,
    `--define=_rpmdir ${folder.at("made")}`,
    "--define=_build_name_fmt %%{NAME}.rpm",
    `--define=_dbpath ${folder.at("db")}`,
    spec,
  ], {
    env: { SOURCE_DATE_EPOCH: String(facts.time.getTime() / 1_000) },
  });
  const path = join(out, rpmName(facts));
  await Deno.copyFile(folder.at("made", `${facts.name}.rpm`), path);
  return path;
}
