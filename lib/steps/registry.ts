import { assertThat } from "./operations/assert_that.ts";
import {
  commandRunMultiple,
  commandRunStep,
} from "./operations/command_run.ts";
import { echoStep } from "./operations/echo.ts";
import { fileAbsent } from "./operations/file_absent.ts";
import { fileBlock } from "./operations/file_block.ts";
import { fileDir } from "./operations/file_dir.ts";
import { fileFetchStep } from "./operations/file_fetch.ts";
import { fileInstalled } from "./operations/file_installed.ts";
import { fileLine } from "./operations/file_line.ts";
import { fileSymlinked } from "./operations/file_symlinked.ts";
import { fileTree } from "./operations/file_tree.ts";
import { groupAbsent } from "./operations/group_absent.ts";
import { groupPresent } from "./operations/group_present.ts";
import { noop } from "./operations/noop.ts";
import { userAbsent } from "./operations/user_absent.ts";
import { userPresent } from "./operations/user_present.ts";
import { waitFor } from "./operations/wait_for.ts";
import type { StepDescription, StepOperation } from "./step_operation.ts";

/** All operations of steps. A new one is a new file and a line here. */
export const stepOperations: readonly StepOperation[] = [
  assertThat,
  commandRunStep,
  commandRunMultiple,
  echoStep,
  fileAbsent,
  fileBlock,
  fileDir,
  fileFetchStep,
  fileInstalled,
  fileLine,
  fileSymlinked,
  fileTree,
  groupAbsent,
  groupPresent,
  noop,
  userAbsent,
  userPresent,
  waitFor,
];

/** The same as the compiler and the docs know them. */
export const stepDescriptions: readonly StepDescription[] = stepOperations;
