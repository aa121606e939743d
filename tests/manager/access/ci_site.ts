import { systemRandom } from "../../../lib/base/random.ts";
import { Access } from "../../../lib/manager/access/access.ts";
import { CiLogins } from "../../../lib/manager/access/ci_logins.ts";
import type { FetchText } from "../../../lib/manager/access/issuer_keys.ts";
import type { LoggedIn } from "../../../lib/manager/api/access_api.ts";
import type { NewCiOperator } from "../../../lib/manager/api/ci_api.ts";
import type { AuditRecord } from "../../../lib/store/audit_records.ts";
import { FakeCi } from "../../support/fake_ci.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

/** Control port of the Manager. */
export const PLACE = {
  address: "mgr.example.org:7052",
  caCertificate: new Uint8Array([1, 2, 3]),
};
/** Address of the jobs. */
export const FROM = "192.0.2.7";
/** An hour in milliseconds. */
export const HOUR_MS = 3_600_000;
/** Claims of the operator. */
export const CLAIMS = {
  "repository_id": "1",
  "repository_owner_id": "2",
  environment: "production",
};
/** Answer to every token that is not taken. */
export const REFUSAL =
  "Cannot log in: the token of the CI is not accepted here";
/** Begin of each reason in the audit. */
export const REASON = "Cannot accept the token of the CI: ";

/** Logins as the next run of a Manager finds them. */
export async function open(
  manager: MemoryManager,
  fetchText: FetchText = () => Promise.reject(new Error("not asked for")),
): Promise<{ access: Access; ci: CiLogins }> {
  const { store, clock, roster, counters } = manager;
  const access = new Access({
    store,
    clock,
    random: systemRandom,
    unlimitedOperations: [],
    roster,
    targeting: {
      resolve: () => Promise.reject(new Error("not asked for")),
    } as never,
    denied: () => {},
    place: () => PLACE,
  });
  await access.load();
  const ci = new CiLogins({
    store,
    clock,
    random: systemRandom,
    counters,
    access,
    fetchText,
  });
  await ci.load();
  return { access, ci };
}

/** Manager of a test. */
export interface Site extends AsyncDisposable {
  readonly manager: MemoryManager;
  readonly access: Access;
  readonly ci: CiLogins;
  /** CI whose keys the Manager was given. */
  readonly github: FakeCi;
  /** Trades a token, for the operator "deploy" by default. */
  login(token: string, operator?: string): Promise<LoggedIn>;
  /** Newest entry of the audit. */
  audit(): Promise<AuditRecord | undefined>;
}

/** Manager with the operator "deploy" for the jobs of a CI, whose keys were given. */
export async function start(): Promise<Site> {
  const manager = await MemoryManager.start();
  const { access, ci } = await open(manager);
  const { clock, store } = manager;
  const github = await FakeCi.start({
    audience: ci.audience,
    now: () => clock.now(),
  });
  await ci.addIssuer({ name: "github", jwks: await github.jwks() });
  await ci.addOperator(deploy());
  return {
    manager,
    access,
    ci,
    github,
    login: (token: string, operator = "deploy") =>
      ci.login({ operator, token }, FROM),
    audit: async () => {
      const { entries: [entry] } = await store.auditPage({
        direction: "older",
        limit: 1,
        filter: {},
      });
      return entry;
    },
    [Symbol.asyncDispose]: async () => {
      access.stop();
      await manager[Symbol.asyncDispose]();
    },
  };
}

/** Operator for the jobs of the CI, with changes. */
export function deploy(change: Partial<NewCiOperator> = {}): NewCiOperator {
  return {
    name: "deploy",
    role: "operator",
    rules: [],
    issuer: "github",
    claims: CLAIMS,
    ...change,
  };
}
