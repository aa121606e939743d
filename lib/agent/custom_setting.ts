import * as v from "valibot";
import type { CustomSettings } from "../operations/custom/custom_settings.ts";

export type { CustomSettings };

const EXPECTED =
  "it should be all, none, or a list of modules as [nginx, site]";

const NO_MODULE = "it should be the name of a module, as nginx";

const Allowed = v.union([
  v.picklist(["all", "none"]),
  v.array(v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, NO_MODULE))),
], EXPECTED);

/** Schema of `customOperations`. */
export const CustomSetting: v.GenericSchema<
  CustomInput,
  CustomSettings
> = v.pipe(
  v.union([
    Allowed,
    v.strictObject({
      allow: v.optional(Allowed, "all"),
      runAs: v.optional(
        v.pipe(v.string(), v.nonEmpty("it should be the name of a user")),
      ),
    }),
  ], `${EXPECTED}, or a map of allow and runAs`),
  v.transform((given): CustomSettings =>
    typeof given === "string" || Array.isArray(given) ? { allow: given } : given
  ),
);

type CustomAllowed = "all" | "none" | string[];
type CustomInput = CustomAllowed | {
  allow?: CustomAllowed | undefined;
  runAs?: string | undefined;
};
