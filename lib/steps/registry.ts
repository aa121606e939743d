import { aptInstalled, aptUnattendedUpgrade } from "./operations/apt.ts";
import { archiveExtracted } from "./operations/archive_extracted.ts";
import { assertThat } from "./operations/assert_that.ts";
import {
  commandRunMultiple,
  commandRunStep,
} from "./operations/command_run.ts";
import { cronJob } from "./operations/cron_job.ts";
import { echoStep } from "./operations/echo.ts";
import { fileAbsent } from "./operations/file_absent.ts";
import { fileBlock } from "./operations/file_block.ts";
import { fileDir } from "./operations/file_dir.ts";
import { fileDownloaded } from "./operations/file_downloaded.ts";
import { fileFetchStep } from "./operations/file_fetch.ts";
import { fileInstalled } from "./operations/file_installed.ts";
import { fileLine } from "./operations/file_line.ts";
import { fileSymlinked } from "./operations/file_symlinked.ts";
import { fileTree } from "./operations/file_tree.ts";
import { gitUpToDate } from "./operations/git_up_to_date.ts";
import { groupAbsent } from "./operations/group_absent.ts";
import { groupPresent } from "./operations/group_present.ts";
import { hostEntry } from "./operations/host_entry.ts";
import { hostLocale } from "./operations/host_locale.ts";
import { hostName } from "./operations/host_name.ts";
import { hostTimezone } from "./operations/host_timezone.ts";
import { kernelModule } from "./operations/kernel_module.ts";
import { mountMounted } from "./operations/mount_mounted.ts";
import { mountUnmounted } from "./operations/mount_unmounted.ts";
import { noop } from "./operations/noop.ts";
import { packageAbsent } from "./operations/package_absent.ts";
import { packageInstalled } from "./operations/package_installed.ts";
import { packageLists } from "./operations/package_lists.ts";
import { packageRepository } from "./operations/package_repository.ts";
import { packageUpgraded } from "./operations/package_upgraded.ts";
import { serviceOperations } from "./operations/services.ts";
import { sshAuthorizedKeys } from "./operations/ssh_authorized_keys.ts";
import { sshKnownHosts } from "./operations/ssh_known_hosts.ts";
import { sysctlParameter } from "./operations/sysctl_parameter.ts";
import { systemdTimer } from "./operations/systemd_timer.ts";
import { systemdUnit } from "./operations/systemd_unit.ts";
import { userAbsent } from "./operations/user_absent.ts";
import { userPresent } from "./operations/user_present.ts";
import { waitFor } from "./operations/wait_for.ts";
import type { StepDescription, StepOperation } from "./step_operation.ts";

/** All operations of steps. A new one is a new file and a line here. */
export const stepOperations: readonly StepOperation[] = [
  aptInstalled,
  aptUnattendedUpgrade,
  archiveExtracted,
  assertThat,
  commandRunStep,
  commandRunMultiple,
  cronJob,
  echoStep,
  fileAbsent,
  fileBlock,
  fileDir,
  fileDownloaded,
  fileFetchStep,
  fileInstalled,
  fileLine,
  fileSymlinked,
  fileTree,
  gitUpToDate,
  groupAbsent,
  groupPresent,
  hostEntry,
  hostLocale,
  hostName,
  hostTimezone,
  kernelModule,
  mountMounted,
  mountUnmounted,
  noop,
  packageAbsent,
  packageInstalled,
  packageLists,
  packageRepository,
  packageUpgraded,
  ...serviceOperations,
  sshAuthorizedKeys,
  sshKnownHosts,
  sysctlParameter,
  systemdTimer,
  systemdUnit,
  userAbsent,
  userPresent,
  waitFor,
];

/** The same as the compiler and the docs know them. */
export const stepDescriptions: readonly StepDescription[] = stepOperations;
