import * as v from "valibot";
import { durationSetting, sizeSetting } from "../../base/settings.ts";
import { AllowSchema, DenySchema } from "./rule_schema.ts";

/** Most that commands may use. */
export interface Most {
  /** Commands that run at the same time, a count. */
  readonly concurrent?: number | undefined;
  /** Output of one command, in bytes. */
  readonly output?: number | undefined;
  /** Time of one command, in milliseconds. */
  readonly timeout?: number | undefined;
}

const later = v.optional(v.custom<never>(
  () => false,
  "it needs a later version of piri-agent, which can check signatures; leave it out until then",
));

const RULES = "it should be a list of rules, as - do: command.Run";

/** Schema of policy.yaml. */
export const PolicySchema = v.pipe(
  v.strictObject({
    // Not "all" if absent: a file of which only the beginning was written must not allow everything.
    mode: v.picklist(
      ["all", "rules", "observe"],
      "it should be all, rules or observe",
    ),
    allow: v.optional(v.array(AllowSchema, RULES)),
    deny: v.optional(v.array(DenySchema, RULES), []),
    most: v.optional(
      v.strictObject({
        concurrent: v.optional(v.pipe(
          v.number("it should be a number from 1 to 32"),
          v.integer("it should be a number from 1 to 32"),
          v.minValue(1, "it should be a number from 1 to 32"),
          v.maxValue(32, "it should be a number from 1 to 32"),
        )),
        output: v.optional(sizeSetting({ least: "1KiB", most: "1TiB" })),
        timeout: v.optional(
          durationSetting(1_000, { least: "1s", most: "365d" }),
        ),
      }, "it should be concurrent, output and timeout"),
      {},
    ),
    signers: later,
    require: later,
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { mode, allow, deny } = dataset.value;
    const complain = (key: "allow" | "deny" | "mode", message: string) =>
      addIssue({
        message,
        path: [{
          type: "object",
          origin: "value",
          input: dataset.value,
          key,
          value: dataset.value[key],
        }],
      });
    if (mode === "all" && allow !== undefined) {
      complain("allow", "only mode: rules and mode: observe have such rules");
    }
    if (mode === "rules" && allow === undefined) {
      complain(
        "mode",
        "without allow, mode: rules allows nothing; write the rules, or allow: [] if that is meant",
      );
    }
    if (mode !== "rules" && deny.some(({ argv }) => argv !== undefined)) {
      complain(
        "deny",
        "argv needs mode: rules, because who may run any other program gets around it",
      );
    }
  }),
);
