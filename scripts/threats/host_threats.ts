import { protection, type Threat } from "./threat.ts";

const PROOF = "tests/manager/admission/proof_test.ts";
const JOINS = "tests/manager/admission/token_joins_test.ts";
const AUTHENTICATION = "lib/manager/admission/authentication.ts";
const TOKEN_JOINS = "lib/manager/admission/token_joins.ts";
const ENROLMENT = "lib/store/enrolment.ts";

const refusedJoin = (what: string) =>
  [
    JOINS,
    `a join ${what} is refused, and the host is told why`,
    `"${what}":`,
  ] as const;

/** Threats by the network and by hosts: rows 1 to 8 of docs/security.md. */
export const HOST_THREATS: readonly Threat[] = [
  {
    number: 1,
    who: "the network",
    protections: [
      protection(
        "trust in the own authority only",
        [
          "lib/wire/tls.ts",
          "conn = await trustingOnlyGiven(() =>",
          "conn = await (<T>(use: () => T) => use())(() =>",
        ],
        [
          "tests/wire/public_authority_test.ts",
          "an agent leaves a Manager of another authority, also one that the host trusts",
        ],
      ),
      protection(
        "the Manager's authority in what both sides sign",
        [
          "lib/wire/proof.ts",
          "    transcript.authority,\n",
          "",
        ],
        [
          "tests/agent/link/key_proof_test.ts",
          "another authority's Manager cannot relay",
        ],
      ),
    ],
    open: [],
  },
  {
    number: 2,
    who: "a recorded hello or proof",
    protections: [
      protection(
        "the nonce of a challenge",
        [
          "lib/manager/admission/challenge.ts",
          "nonce: random.bytes(NONCE_BYTES),",
          "nonce: new Uint8Array(NONCE_BYTES),",
        ],
        [PROOF, "a proof that was good once is refused"],
      ),
      protection(
        "the hash of the hello in what is signed",
        ["lib/wire/proof.ts", "    transcript.helloHash,\n", ""],
        [PROOF, "a proof over another hello than the one that came is refused"],
      ),
    ],
    open: [],
  },
  {
    number: 3,
    who: "database and backup",
    protections: [
      protection(
        "hashes in place of secrets",
        [
          "lib/base/secret.ts",
          "return sha256(secret);",
          "return new TextEncoder().encode(secret.padEnd(32));",
        ],
        [
          "tests/manager/admission/no_row_test.ts",
          "no row of the database lets anyone in",
        ],
      ),
    ],
    open: [],
  },
  {
    number: 4,
    who: "a leaked join token",
    protections: [
      protection(
        "the names of a join token",
        [
          TOKEN_JOINS,
          'if (token.name !== "" && !new Glob(token.name).matches(name)) {',
          'if (token.name === "\\0" && !new Glob(token.name).matches(name)) {',
        ],
        refusedJoin("of another name"),
      ),
      protection(
        "the networks of a join token",
        [TOKEN_JOINS, "if (!isFrom(token.cidrs, peer.host)) {", "if (false) {"],
        refusedJoin("from another network"),
      ),
      protection(
        "the time of a join token",
        [ENROLMENT, "if (at >= expiresAt) {", "if (false) {"],
        refusedJoin("after its time"),
      ),
      protection(
        "the number of uses",
        [ENROLMENT, "if (used >= uses) {", "if (false) {"],
        [
          JOINS,
          "one of 50 joins at once on 49 uses is refused with the reason",
          "one of ${uses + 1} joins at once on ${uses} uses is refused with the reason",
        ],
      ),
      protection(
        "the revocation of a join token",
        [
          ENROLMENT,
          "if (revokedAt !== null) throw denied(name, `the token ${id} was revoked`);",
          "",
        ],
        refusedJoin("that was revoked"),
      ),
      protection(
        "names that rules name",
        [
          TOKEN_JOINS,
          'if (isNew && token.name === "" && !token.approve) {',
          "if (false) {",
        ],
        refusedJoin("for a name of a rule"),
      ),
      protection(
        "the approval of hosts",
        [ENROLMENT, "if (!token.approve) {", "if (true) {"],
        [
          JOINS,
          "a host waits until it is accepted, and joins with its next hello",
        ],
      ),
    ],
    open: [],
  },
  {
    number: 5,
    who: "a hostile joined host",
    protections: [
      protection(
        "secrets only for the agent's own commands",
        [
          "lib/manager/secrets/secret_requests.ts",
          "(desk.namesOf(record).includes(name)",
          '(name !== ""',
        ],
        [
          "tests/manager/secrets/secret_desk_test.ts",
          "an agent gets a secret for its open command that names it, and no longer",
        ],
      ),
      protection(
        "secrets for no host by what it tells of itself",
        [
          "lib/manager/secrets/secret_desk.ts",
          "const asked = { id: agent, groups, setFacts, connected };",
          "const asked = { id: agent, groups, setFacts: { ...setFacts, ...entry?.facts }, connected };",
        ],
        [
          "tests/manager/secrets/secret_desk_test.ts",
          "facts that a host tells of itself do not make a secret be for it",
        ],
      ),
      protection(
        "blobs only for the agent's own commands",
        [
          "lib/manager/blobs/blob_requests.ts",
          "if (names.some((name) => name.sha256 === sha256)) return;",
          "return;",
        ],
        [
          "tests/manager/blobs/blob_requests_test.ts",
          "an agent gets no blob that only the command of another agent names",
        ],
      ),
      protection(
        "results only of the agent's own commands",
        [
          "lib/manager/command/recorder.ts",
          "if (this.#open.get(id) !== undefined) return this.#openOf(session, id);",
          "if (this.#open.get(id) !== undefined) return this.#open.get(id);",
        ],
        [
          "tests/manager/command/recorder_test.ts",
          "an agent's report on another agent's command changes nothing there",
        ],
      ),
      protection(
        "the escaping of what hosts say",
        [
          "lib/cli/text.ts",
          "return text.replace(UNSAFE, (character) => {",
          "return text.replace(/\\0/g, (character) => {",
        ],
        [
          "tests/cli/text_test.ts",
          "printable() spells out C0, DEL, C1 and characters that reorder text, and keeps the rest",
        ],
      ),
      protection(
        "the hold of joins that are refused again and again",
        [
          "lib/manager/admission/token_joins.ts",
          "this.#refused.add({",
          'for (let i = 0; i < 2; i++) this.#options.events.add("agent_refused", reason, { agent: name });\n    this.#refused.add({',
        ],
        [
          JOINS,
          "a host that is refused again and again makes one event and one entry a minute",
        ],
      ),
    ],
    open: [],
  },
  {
    number: 6,
    who: "a copy of an agent's disk",
    protections: [
      protection(
        "sessions that only grow",
        [
          "lib/manager/admission/admission.ts",
          "if (record.instance === instance && session <= record.session) {",
          "if (false) {",
        ],
        [
          "tests/manager/admission/admission_test.ts",
          "a stale session is refused even after its connection has ended",
        ],
      ),
    ],
    open: [],
  },
  {
    number: 7,
    who: "a new host under an old name",
    protections: [
      protection(
        "identity by the key of an agent",
        [
          AUTHENTICATION,
          "? secretHash !== null && isSecret",
          "? claim.key !== undefined || isSecret",
        ],
        [PROOF, "a name that comes back does not inherit the key"],
      ),
      protection(
        "the block of revoked keys",
        [ENROLMENT, "if (this.isRevoked(publicKey)) {", "if (false) {"],
        [
          "tests/manager/agents/agent_revocation_test.ts",
          "the key of a revoked agent stays blocked after its name is free",
        ],
        refusedJoin("with a key that was revoked"),
      ),
      protection(
        "the key of a name that is taken",
        [
          ENROLMENT,
          "if (known.publicKey === null || !sameHash(known.publicKey, publicKey)) {",
          "if (false) {",
        ],
        refusedJoin("for a name with another key"),
      ),
    ],
    open: [],
  },
  {
    number: 8,
    who: "one who downgrades",
    protections: [
      protection(
        "no secret in place of a key",
        [
          AUTHENTICATION,
          ": claim.key !== undefined && isKey;",
          ": isKey || isSecret;",
        ],
        [PROOF, "a hello with a secret for an agent with a key is refused"],
        [
          PROOF,
          "a hello whose proof a man in the middle took out of the features is refused",
        ],
      ),
      protection(
        "the Manager's own proof",
        [
          "lib/agent/link/key_proof.ts",
          "if (!this.isAdmitted && this.#options.expected === undefined) {",
          'if (managerId !== "") {',
        ],
        [
          "tests/agent/link/key_proof_test.ts",
          "a Manager with a known key that does not prove it is left",
        ],
      ),
    ],
    open: [],
  },
];
