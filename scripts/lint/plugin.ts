import { docStart } from "./doc_start.ts";
import { errorText } from "./error_text.ts";
import { fileName } from "./file_name.ts";
import { imports } from "./imports.ts";
import { limitNames } from "./limit_names.ts";
import { privateFields } from "./private_fields.ts";
import { processState } from "./process_state.ts";
import { testName } from "./test_name.ts";

/** Rules of the house that a program can hold, for `deno lint`. */
export default {
  name: "piri",
  rules: {
    "doc-start": docStart,
    "error-text": errorText,
    "file-name": fileName,
    "imports": imports,
    "limit-names": limitNames,
    "private-fields": privateFields,
    "process-state": processState,
    "test-name": testName,
  },
} satisfies Deno.lint.Plugin;
