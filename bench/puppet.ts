import type { TempFolder } from "../scripts/local/temp_folder.ts";

/** Command line of a run of Puppet with folders of its own, which ends with 0 only if nothing was to do. */
export function puppetApply(folder: TempFolder, manifest: string): string[] {
  return [
    ...["puppet", "apply", "--detailed-exitcodes", "--log_level", "err"],
    ...["--confdir", folder.at("puppet"), "--vardir", folder.at("puppet-var")],
    ...["--rundir", folder.at("puppet-run"), manifest],
  ];
}
