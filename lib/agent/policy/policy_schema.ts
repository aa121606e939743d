import * as v from "valibot";
import { encodeHex } from "@std/encoding/hex";
import { durationSetting, readBy, sizeSetting } from "../../base/settings.ts";
import { MAX_SIGNATURES, parseSigner } from "../../base/signed_work.ts";
import { AllowSchema, DenySchema, OperationsSchema } from "./rule_schema.ts";

/** Most that commands may use. */
export interface Most {
  /** Commands that run at the same time, a count. */
  readonly concurrent?: number | undefined;
  /** Output of one command, in bytes. */
  readonly output?: number | undefined;
  /** Time of one command, in milliseconds. */
  readonly timeout?: number | undefined;
}

/** Operations that need signatures. */
export interface RequireRule {
  /** Operations by their names, with "*". */
  readonly do: readonly string[];
  /** Signatures of different operators, a count. */
  readonly signatures: number;
}

/** Keys of those who may sign, by their names. */
export type Signers = Readonly<Record<string, Uint8Array>>;

const COUNT = `it should be a number from 1 to ${MAX_SIGNATURES}`;

const RequireSchema = v.strictObject({
  do: OperationsSchema,
  signatures: v.pipe(
    v.number(COUNT),
    v.integer(COUNT),
    v.minValue(1, COUNT),
    v.maxValue(MAX_SIGNATURES, COUNT),
  ),
});

const SignersSchema = v.record(
  v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9_.@-]+$/, "a name has letters, digits, and _ . @ -"),
  ),
  readBy(parseSigner),
  'it should be names and keys, as alice: "ed25519:..."',
);

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
    signers: v.optional(SignersSchema, {}),
    require: v.optional(
      v.array(
        RequireSchema,
        "it should be a list, as - { do: command.Run, signatures: 2 }",
      ),
      [],
    ),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { mode, allow, deny, signers, require } = dataset.value;
    const complain = (
      key: "allow" | "deny" | "mode" | "signers" | "require",
      message: string,
    ) =>
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
    const names = Object.keys(signers);
    const keys = new Set(Object.values(signers).map(encodeHex));
    if (keys.size < names.length) {
      complain("signers", "two signers have the same key");
    }
    const most = Math.max(0, ...require.map(({ signatures }) => signatures));
    if (most > names.length) {
      complain(
        "require",
        `it asks for ${most} signatures, and signers has ${names.length} keys, so that nobody could ever run it`,
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
