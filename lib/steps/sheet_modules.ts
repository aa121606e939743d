import * as v from "valibot";
import { SHA256_PATTERN } from "../base/blob.ts";
import type { CustomType } from "./custom_operation.ts";
import type { SheetModule } from "./sheet.ts";

/** Most modules of a sheet, and most files of a module. */
export const MAX_MODULES = 100;
/** Most bytes of the files of a module together. */
export const MAX_MODULE_BYTES = 4 * 1_048_576;

/** Types that parameters of custom operations may have. */
export const CUSTOM_TYPES: readonly CustomType[] = [
  "text",
  "path",
  "mode",
  "switch",
  "integer",
  "duration",
  "texts",
  "integers",
  "map",
  "content",
  "file",
  "any",
];

/** Types of parameters that may hold secrets if they say so. */
const SECRET_TYPES: readonly CustomType[] = ["text", "texts", "map"];

/** Name of a module: that of its file. */
export const MODULE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
/** Name of an operation in its module: PascalCase. */
export const CLASS_NAME = /^[A-Z][A-Za-z0-9]{0,63}$/;
/** Path of a file of a module, below the Manager's folder. */
export const MODULE_PATH =
  /^operations(?:\/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){1,10}\.(?:ts|js|mjs)$/;

const names = v.array(v.pipe(v.string(), v.nonEmpty(), v.maxLength(1_000)));
const orAll = <Schema extends v.GenericSchema>(schema: Schema, what: string) =>
  v.optional(v.union([v.literal(true), schema], `Expected true or ${what}`));
const namesOrAll = orAll(names, "a list of texts");
const pathsOrAll = orAll(
  v.pipe(
    names,
    v.check(
      (paths) => paths.every((path) => path.startsWith("/")),
      "Expected true or a list of absolute paths",
    ),
  ),
  "a list of absolute paths",
);

/** Schema of what a check may do. */
export const LOOK_PERMISSIONS = v.strictObject({
  env: namesOrAll,
  net: namesOrAll,
  read: pathsOrAll,
  run: v.optional(names),
  sys: namesOrAll,
});

/** Schema of what a change may do. */
export const ACT_PERMISSIONS = v.strictObject({
  ...LOOK_PERMISSIONS.entries,
  run: namesOrAll,
  write: pathsOrAll,
});

/** Schema of a parameter. */
export const CUSTOM_PARAMETER = v.pipe(
  v.strictObject({
    type: v.picklist(CUSTOM_TYPES),
    description: v.string(),
    required: v.optional(v.literal(true)),
    choices: v.optional(v.array(v.string())),
    secret: v.optional(v.literal(true)),
    standard: v.optional(v.string()),
  }),
  v.check(
    ({ type, secret }) => secret === undefined || SECRET_TYPES.includes(type),
    `Expected no "secret", but for the types ${SECRET_TYPES.join(", ")}`,
  ),
);

const operation = v.strictObject({
  name: v.pipe(v.string(), v.regex(CLASS_NAME)),
  description: v.string(),
  parameters: v.record(v.string(), CUSTOM_PARAMETER),
  subject: v.string(),
  permissions: v.strictObject({
    check: LOOK_PERMISSIONS,
    change: ACT_PERMISSIONS,
  }),
});

const file = v.strictObject({
  path: v.pipe(v.string(), v.regex(MODULE_PATH)),
  sha256: v.pipe(v.string(), v.regex(SHA256_PATTERN)),
  size: v.pipe(v.number(), v.integer(), v.minValue(0)),
});

/** Schema of the modules of a sheet. */
export const SHEET_MODULES = v.pipe(
  v.array(v.pipe(
    v.strictObject({
      name: v.pipe(v.string(), v.regex(MODULE_NAME)),
      files: v.pipe(
        v.array(file),
        v.minLength(1),
        v.maxLength(MAX_MODULES),
        v.check(
          (files) =>
            files.reduce((sum, { size }) => sum + size, 0) <= MAX_MODULE_BYTES,
          `Expected at most ${MAX_MODULE_BYTES} bytes`,
        ),
      ),
      operations: v.array(operation),
    }),
  )),
  v.maxLength(MAX_MODULES),
) as unknown as v.GenericSchema<readonly SheetModule[]>;
