import { protection, type Threat } from "./threat.ts";

const GUARD = "lib/manager/door/guard.ts";
const GUARD_TEST = "tests/manager/door/guard_test.ts";
const GUARD_OF_FILES_TEST = "tests/operations/guard_test.ts";
const COMPARED = "lib/manager/audit/compare_checkpoints.ts";
const WITNESSED_TEST = "tests/audit_witness_test.ts";
const AUDIT = "lib/store/audit.ts";
const AUDIT_TEST = "tests/store/audit_test.ts";
const AUTHENTICATION = "lib/manager/admission/authentication.ts";
const SIGNATURES_TEST = "tests/agent/policy/signatures_test.ts";
const USED_UP =
  "a statement is used up by one command, also if the agent restarts";
const PROOF = "tests/manager/admission/proof_test.ts";

/** Threats to the Manager and by it: rows 13 to 19 of docs/security.md. */
export const MANAGER_THREATS: readonly Threat[] = [
  {
    number: 13,
    who: "a user on the Manager's host",
    protections: [
      protection(
        "the refusal of keys that others may read",
        [
          "lib/base/posix_rights.ts",
          "if (!isOpenToOthers({ mode })) return;",
          "if (!isOpenToOthers({ mode }) || mode !== null) return;",
        ],
        [
          "tests/manager/state/state_folder_test.ts",
          "a key that others may read is refused with the line that mends it",
        ],
      ),
      protection(
        "the permissions that a Manager gives up",
        [
          "lib/base/permissions.ts",
          "for (const permission of UNNEEDED) Deno.permissions.revokeSync(permission);",
          "void UNNEEDED;",
        ],
        [
          "tests/base/permissions_test.ts",
          "a program with --allow-all gives up starting programs and loading libraries, in its threads too",
          '["--allow-all"],',
        ],
      ),
    ],
    open: [],
  },
  {
    number: 14,
    who: "a Manager that was taken over",
    protections: [
      protection(
        "the rules of the agent's policy",
        [
          "lib/agent/runner/judge.ts",
          "return { refusal, bounds, used, recorded: `the policy refuses it: ${rule}` };",
          "return { refusal: refusal && undefined, bounds, used, recorded: rule };",
        ],
        [
          "tests/rogue_manager_test.ts",
          "a rogue Manager sends 40 forbidden commands, and not one begins",
        ],
      ),
      protection(
        "the paths that a policy denies",
        [
          "lib/operations/guard.ts",
          "    if (denied !== undefined) {",
          "    if (denied !== undefined && real === denied) {",
        ],
        [
          GUARD_OF_FILES_TEST,
          "a tree with one place that may not be written is refused before anything is written",
        ],
      ),
      protection(
        "the agent's own files under all their names",
        [
          "lib/operations/own_obstacle.ts",
          "isAtOrBelow(path, folder) || isSameFolder(path, { place, folder })",
          "isAtOrBelow(path, folder)",
        ],
        [
          GUARD_OF_FILES_TEST,
          "the agent's own process and folder are kept under all their names",
        ],
      ),
      protection(
        "the mode that only looks",
        [
          "lib/agent/policy/decide.ts",
          'if (mode === "observe" && request.operation.acts) {',
          "if (false) {",
        ],
        [
          "tests/agent/policy/decide_test.ts",
          "the mode observe allows only operations that leave the host as it is",
        ],
      ),
      protection(
        "the signatures that a policy requires",
        [
          "lib/agent/policy/policy_gate.ts",
          'if ("refusal" in signatures) return signatures;',
          'if ("refusal" in signatures) return this.#judgeRules(policy, asked, now);',
        ],
        [
          SIGNATURES_TEST,
          "a command with a wrong statement is refused, and the reason says what is wrong",
        ],
      ),
      protection(
        "the word of the signers on --survive",
        [
          "lib/base/signed_work.ts",
          'return "survival";',
          "return undefined;",
        ],
        [
          SIGNATURES_TEST,
          "a Manager can neither add --survive to what was signed nor take it away",
        ],
      ),
      protection(
        "the single use of what was signed",
        [
          "lib/agent/policy/used_statements.ts",
          'if (this.#used.has(id)) return "its statement was used before";',
          "if (this.#used.has(id)) return undefined;",
        ],
        [SIGNATURES_TEST, USED_UP],
      ),
      protection(
        "the memory of what was used, over a restart",
        [
          "lib/agent/runner/runner.ts",
          "if (used !== undefined) await policy.keep();",
          "void policy;",
        ],
        [SIGNATURES_TEST, USED_UP],
      ),
    ],
    open: [],
  },
  {
    number: 15,
    who: "one who rewrites the audit",
    protections: [
      protection(
        "the hash of each entry",
        [
          AUDIT,
          "isSameHash(fieldsHash(mark.hash, row), hash);",
          "hash.length > 0;",
        ],
        [AUDIT_TEST, "bytes that move from one field into the next are found"],
        [AUDIT_TEST, "an entry that was put in is found"],
      ),
      protection(
        "the numbers without gaps",
        [AUDIT, "if (found > id) {", "if (found > id && false) {"],
        [AUDIT_TEST, "a removed entry is found"],
      ),
      protection(
        "the recorded end",
        [AUDIT, "if (mark.id < end.id) {", "if (false) {"],
        [AUDIT_TEST, "a cut end is found"],
      ),
      protection(
        "the hash of the recorded end",
        [
          AUDIT,
          "if (isSameHash(mark.hash, end.hash)) return undefined;",
          "if (mark.hash.length > 0) return undefined;",
        ],
        [
          AUDIT_TEST,
          "a chain with new hashes from an entry on is found at its end",
        ],
      ),
      protection(
        "the comparison with what the Manager signed",
        [
          COMPARED,
          "if (hash === null || !sameHash(hash, each.checkpoint.hash)) {",
          "if (hash?.length === 0 && !sameHash(hash, each.checkpoint.hash)) {",
        ],
        [
          WITNESSED_TEST,
          "a chain that was made again, with all its hashes, is found by an agent",
        ],
      ),
      protection(
        "the end that agents remember",
        [
          COMPARED,
          "if (last !== undefined && last.checkpoint.count > end.id) {",
          "if (last !== undefined && last.checkpoint.count < 0n) {",
        ],
        [
          WITNESSED_TEST,
          "an end that was cut, with the end that the Manager keeps, is found by an agent",
        ],
      ),
    ],
    open: [],
  },
  {
    number: 16,
    who: "one who reads logs, dumps, output",
    protections: [
      protection(
        "the type that does not show a secret",
        [
          "lib/base/sealed.ts",
          '  [Symbol.for("Deno.customInspect")](): string {\n    return MASK;',
          '  [Symbol.for("Deno.customInspect")](): string {\n    return this.#text;',
        ],
        [
          "tests/base/sealed_test.ts",
          "a sealed text shows itself in no text, JSON, error or print, and opens when asked",
        ],
      ),
      protection(
        "the forms that are masked",
        [
          "lib/base/masking/secret_forms.ts",
          "  yield* urlForms(text);\n",
          "",
        ],
        [
          "tests/base/masking/secret_forms_test.ts",
          "twenty secrets in nine forms each are masked in one text",
        ],
      ),
      protection(
        "the masking of output",
        [
          "lib/base/masking/masked_output.ts",
          "if (table === undefined) return this.#emit(stream, bytes);",
          "if (table !== null) return this.#emit(stream, bytes);",
        ],
        [
          "tests/base/masking/masked_output_test.ts",
          "a secret that comes in pieces is masked, in each stream by itself",
        ],
      ),
      protection(
        "the search in all that a story leaves",
        [
          "tests/support/canary_watch.ts",
          "texts: this.#forms.map(latin1),",
          "texts: [],",
        ],
        [
          "tests/support/canary_watch_test.ts",
          "a secret is found in files in each of nine forms, and between other bytes",
        ],
      ),
    ],
    open: [],
  },
  {
    number: 17,
    who: "silent, slow or garbage clients, on both ports",
    protections: [
      protection(
        "the limit of connections of an address",
        [GUARD, "if (count >= perAddress) {", "if (count >= Infinity) {"],
        [
          GUARD_TEST,
          "one address has a limit of connections, and may connect again once it has fewer",
        ],
      ),
      protection(
        "the end of what does not begin as TLS does",
        [GUARD, "if (buffer[0] !== HANDSHAKE_RECORD) {", "if (count === 0) {"],
        [
          GUARD_TEST,
          "a peer that does not begin as TLS does is hung up on, and never reaches the listener",
        ],
      ),
      protection(
        "the place that a silent client makes for others",
        [
          GUARD,
          'counters.add("guard_displaced");\n      this.#end(oldest);',
          'counters.add("guard_displaced");\n      return closeQuietly(outer);',
        ],
        [
          GUARD_TEST,
          "a full guard ends the oldest unauthenticated connection, and no other",
        ],
      ),
      protection(
        "sizes that are checked before memory is spent",
        [
          "lib/wire/frame.ts",
          "    if (size > this.limit) {",
          "    if (size > 2 ** 40) {",
        ],
        [
          "tests/wire/frame_test.ts",
          "a length over the limit is refused by its header, even if that arrives in pieces",
        ],
      ),
    ],
    open: ["5,000 clients at once beside a good agent: not measured"],
  },
  {
    number: 18,
    who: "one who guesses names",
    protections: [
      protection(
        "one answer for unknown names and wrong proofs",
        [
          AUTHENTICATION,
          'return new PiriError(\n      "AUTH_FAILED",\n      `Cannot admit "${name}" from ${address}: ${why}`,\n    );',
          'return new Refusal(\n      "AUTH_FAILED",\n      why,\n      0,\n      { code: 1, reason: why },\n    );',
        ],
        [
          PROOF,
          "an unknown name, a wrong proof, and another key get the same answer",
        ],
      ),
      protection(
        "the same work for unknown names",
        [
          AUTHENTICATION,
          "if (record === undefined) isOf(NOBODY, claim);",
          "",
        ],
        [
          "tests/manager/admission/one_answer_test.ts",
          "2,000 guesses of each kind hear the same, after the same work",
        ],
      ),
      protection(
        "the hold of addresses that guess codes",
        [
          "lib/api/failed_logins.ts",
          "if (failures.count >= MAX_FAILURES) {",
          "if (false) {",
        ],
        [
          "tests/api/control_port_test.ts",
          "an address is held up after 20 wrong codes, with the same answer, and a good token is not",
        ],
      ),
    ],
    open: [],
  },
  {
    number: 19,
    who: "a wrong hand at revoking, renewing",
    protections: [
      protection(
        "a revocation of one agent alone",
        [
          "lib/manager/agents/agent_removal.ts",
          "    session.revoked();\n    fleet.leave(session);",
          "    for (const each of [...fleet.sessions()]) {\n      each.revoked();\n      fleet.leave(each);\n    }",
        ],
        [
          "tests/manager/agents/agent_revocation_test.ts",
          "one of 1,000 agents is revoked, and the other 999 see nothing of it",
        ],
      ),
      protection(
        "a new certificate for newcomers",
        [
          "lib/manager/door/listener.ts",
          "    this.#certPem = certPem;\n    this.#keyPem = keyPem;\n    this.#authority",
          "    void [certPem, keyPem];\n    this.#authority",
        ],
        [
          "tests/manager/door/listener_test.ts",
          "a new certificate serves newcomers, and leaves open connections alone",
        ],
      ),
      protection(
        "the wait for agents that do not trust a new key yet",
        [
          "lib/manager/keys/key_rotation.ts",
          "if (unwilling.length > 0) {",
          "if (unwilling.length < 0) {",
        ],
        [
          "tests/manager/keys/key_rotation_test.ts",
          "the end of a rotation names the agents that do not trust the next key",
        ],
      ),
      protection(
        "the check of a certificate that was issued elsewhere",
        [
          "lib/manager/state/given_certificate.ts",
          "if (!isIssuedBy(certPem, authorityPem)) {",
          "if (certPem === authorityPem) {",
        ],
        [
          "tests/authority_offline_test.ts",
          "a certificate that does not fit is refused, and the old one stays",
        ],
      ),
      protection(
        "the check of the authority's key",
        [
          "lib/manager/state/authority_key.ts",
          "if (!isKeyOf(certPem, spki)) {",
          "if (certPem === keyPem) {",
        ],
        [
          "tests/manager/state/authority_key_test.ts",
          "a key of another authority, and what is no key, are refused and not repeated",
        ],
      ),
    ],
    open: [],
  },
];
