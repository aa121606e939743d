import { protection, type Threat } from "./threat.ts";

const ACCESS = "lib/manager/access/access.ts";
const ACCESS_TEST = "tests/manager/access/access_test.ts";
const DECIDE = "lib/manager/access/decide.ts";
const DECIDE_TEST = "tests/manager/access/decide_test.ts";
const JWT = "lib/manager/access/ci_jwt.ts";

const refusedToken = (what: string) =>
  [
    "tests/manager/access/ci_jwt_test.ts",
    `a token ${what} is refused with one answer, and the audit has the reason`,
    `"${what}": {`,
  ] as const;

/** Threats by operators and those who act as one: rows 9 to 12 of docs/security.md. */
export const OPERATOR_THREATS: readonly Threat[] = [
  {
    number: 9,
    who: "a stolen operator token",
    protections: [
      protection(
        "rights looked up when a command is sent",
        [
          "lib/manager/jobs/verdict.ts",
          "const denial = refusal(job, agent);",
          "const denial = refusal === undefined ? refusal : undefined;",
        ],
        [
          "tests/manager/jobs/rights_test.ts",
          "an entry that waits is not sent once its operator is robbed of the token",
          '"robbed of the token"',
        ],
      ),
      protection(
        "the end of open streams",
        [
          "lib/manager/access/live_tokens.ts",
          "for (const id of this.#live.keys()) if (!good.has(id)) this.#end(id);",
          "void good;",
        ],
        [
          ACCESS_TEST,
          "a token ends with its revocation, for open streams at once",
          '"its revocation"',
        ],
      ),
      protection(
        "the expiry of tokens",
        [ACCESS, "if (record.expiresAt <= now) return undefined;", ""],
        [ACCESS_TEST, "a token ends with its time, for open streams, too"],
      ),
      protection(
        "the networks of tokens",
        [ACCESS, "if (!isFrom(record.cidrs, from)) return undefined;", ""],
        [
          "tests/manager/access/token_networks_test.ts",
          "a login with 192.0.2.7 is good from 192.0.2.7, and not from 192.0.2.8",
          '["192.0.2.7", "192.0.2.7", "192.0.2.8"]',
        ],
      ),
    ],
    open: [],
  },
  {
    number: 10,
    who: "an operator who errs or wants more",
    protections: [
      protection(
        "rules that deny",
        [DECIDE, "if (!rule.record.deny) continue;", "continue;"],
        [
          DECIDE_TEST,
          "rules decide: a denial of some arguments",
          '"a denial of some arguments"',
        ],
      ),
      protection(
        "the bound of agents at once",
        [DECIDE, "if (most > 0 && names.length > most) {", "if (false) {"],
        [
          DECIDE_TEST,
          "rules decide: a larger rule beside a bounded one",
          '"a larger rule beside a bounded one"',
        ],
      ),
      protection(
        "distrust of facts that a host tells",
        [
          DECIDE,
          "wary ??= agents.map((agent) => agent.wary);",
          "wary ??= agents.map((agent) => agent.trusting);",
        ],
        [
          DECIDE_TEST,
          "rules decide: a fact that the host tells",
          '"a fact that the host tells"',
        ],
      ),
      protection(
        "the bound of what an operator sees",
        [
          ACCESS,
          'this.#sights.of(this.#operators.get(name)?.record.see ?? "");',
          'this.#sights.of("");',
        ],
        [
          "tests/api/sight_test.ts",
          "a job on all agents is one on those that its operator sees",
        ],
      ),
      protection(
        "approval by somebody else",
        [
          "lib/manager/approvals/deciders.ts",
          "  if (!isSameParty(askingParty(approval), partyOf(decider))) return;",
          "  if (isSameParty(partyOf(decider), partyOf(decider))) return;",
        ],
        [
          "tests/manager/approvals/approvals_test.ts",
          "a request from the Manager's machine is not approved there, whoever the user is",
        ],
      ),
      protection(
        "a rule with approvals",
        [
          "lib/manager/approvals/deciders.ts",
          "  rights.check(request, agents);",
          "  void [rights.check, request, agents];",
        ],
        [
          "tests/manager/approvals/approvals_test.ts",
          "an operator without a rule for one of the agents cannot approve a request of an operator",
          "approve a request of an operator`",
        ],
      ),
      protection(
        "the right to start what a new job supersedes",
        [
          "lib/manager/jobs/superseded.ts",
          "      rights.check(job, agents);",
          "      void agents;",
        ],
        [
          "tests/manager/jobs/superseded_test.ts",
          "a job is superseded by nobody who may not start it: its operation",
          '"its operation"',
        ],
      ),
      protection(
        "the targets of a secret",
        [
          "lib/manager/secrets/secret_desk.ts",
          "    if (!isForIt) {",
          "    if (!isForIt && agent === name) {",
        ],
        [
          "tests/manager/secrets/secret_desk_test.ts",
          "work is refused that names a secret which is not there, or not for its agent",
        ],
      ),
      protection(
        "a rule with approvals for a command that is run again",
        [
          "lib/api/commands_service.ts",
          "        ...asker,\n        ...rightsIn(context.values),\n",
          "        ...asker,\n",
        ],
        [
          "tests/api/control_port_test.ts",
          "a command that needs an approval is not run again by whoever may ask for one",
        ],
      ),
    ],
    open: [],
  },
  {
    number: 11,
    who: "another repository, branch, audience of the CI",
    protections: [
      protection(
        "the list of algorithms",
        [JWT, "      algorithms: ALGORITHMS,\n", ""],
        refusedToken("signed by HS256 with the public key as PEM"),
      ),
      protection(
        "the audience",
        [JWT, "      audience,\n      currentDate", "      currentDate"],
        refusedToken("for another audience"),
      ),
      protection(
        "a single audience",
        [
          JWT,
          'if (typeof aud !== "string" && aud?.length !== 1) {',
          "if (aud === null) {",
        ],
        refusedToken("for this audience and another one"),
      ),
      protection(
        "the age of a token",
        [JWT, "      maxTokenAge: MAX_AGE_S,\n", ""],
        refusedToken("that was made 11 minutes ago"),
      ),
      protection(
        "claims that must be equal",
        [
          "lib/manager/access/ci_claims.ts",
          "if (found === value) continue;",
          "if (found !== undefined) continue;",
        ],
        refusedToken("of another repository"),
      ),
      protection(
        "that a token is taken once",
        [
          "lib/store/issuers.ts",
          "INSERT INTO spent_ci_tokens (hash, good_until) VALUES (?, ?) ON CONFLICT DO NOTHING",
          "INSERT OR REPLACE INTO spent_ci_tokens (hash, good_until) VALUES (?, ?)",
        ],
        refusedToken("that was used before"),
      ),
      protection(
        "ids that nobody can take over",
        [
          "lib/manager/access/ci_claims.ts",
          "if (missing.length === 0) return;",
          "if (missing.length >= 0) return;",
        ],
        [
          "tests/manager/access/issuers_test.ts",
          "an operator for jobs is not added by a name alone",
          '"by a name alone"',
        ],
      ),
    ],
    open: [],
  },
  {
    number: 12,
    who: "a foreign page, frame, port or host name in the operator's browser",
    protections: [
      protection(
        "the check of the host name (DNS rebinding)",
        [
          "lib/api/gate.ts",
          'checkHost(headers.get("host") ?? "", door.port);',
          "",
        ],
        [
          "tests/api/tcp_test.ts",
          "a web page that gave its own name to this machine is refused over TCP",
        ],
      ),
    ],
    open: ["cookies, origins, CSP: there is no web console in this version"],
  },
];
