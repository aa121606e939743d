import type {
  ApprovableRequest,
  ApprovalView,
  Decider,
} from "../../../lib/manager/api/approval_api.ts";
import type { Role } from "../../../lib/base/role.ts";
import {
  type GivenRule,
  identityOf,
  loggedIn,
} from "../../support/an_operator.ts";
import type { CoreOptions } from "../../support/memory_manager.ts";
import { JobFleet } from "../jobs/job_fleet.ts";

/** Rule by which a job needs an approval. */
export const ASKS: GivenRule = { approve: 1 };

/** Somebody on the Manager's machine. */
export const ROOT: Decider = {
  requestedBy: "root",
  saidBy: "",
  identity: undefined,
};

/** Two connected agents, operators, and jobs that wait for approvals. */
export class ApprovalFleet implements AsyncDisposable {
  readonly fleet: JobFleet;
  readonly #tokens = new Map<string, string>();

  private constructor(fleet: JobFleet) {
    this.fleet = fleet;
  }

  static async start(options: CoreOptions = {}): Promise<ApprovalFleet> {
    return new ApprovalFleet(
      await JobFleet.start(["web-1", "web-2"], options),
    );
  }

  get approvals(): JobFleet["manager"]["approvals"] {
    return this.fleet.manager.approvals;
  }

  get access(): JobFleet["manager"]["access"] {
    return this.fleet.manager.access;
  }

  /** Adds an operator that has logged in. */
  async knows(
    name: string,
    rules: readonly GivenRule[] = [{}],
    more: { readonly role?: Role; readonly see?: string } = {},
  ): Promise<Decider> {
    const token = await loggedIn(this.access, name, { rules, ...more });
    this.#tokens.set(name, token);
    return this.by(name);
  }

  /** An operator as it is now. */
  by(name: string): Decider {
    const identity = identityOf(this.access, this.#tokens.get(name) ?? "");
    return {
      requestedBy: name,
      saidBy: "",
      credential: `token ${identity.tokenId}`,
      identity,
    };
  }

  /** Asks for a job as somebody, and returns the approval that it waits for. */
  async proposes(
    { identity, ...asker }: Decider,
    { propose = false, ...asked }: Partial<ApprovableRequest> = {},
  ): Promise<ApprovalView> {
    const answer = await this.approvals.start({
      ...this.fleet.request({ targets: "web-*", ...asked } as object),
      ...asker,
      ...identity === undefined ? {} : { rights: identity },
      propose,
    });
    await this.fleet.settle();
    if ("approval" in answer) return answer.approval;
    throw new Error(`job ${answer.job.id} was started at once`);
  }

  async approve(by: Decider, id = 1n): Promise<ApprovalView> {
    const hash = new Uint8Array();
    const view = await this.approvals.approve(id, { ...by, note: "", hash });
    await this.fleet.settle();
    return view;
  }

  /** State of an approval, with its reason if it has one. */
  async state(id = 1n): Promise<string> {
    const { state, reason } = await this.approvals.get(id);
    return reason === "" ? state : `${state}: ${reason}`;
  }

  /** Acts of the audit, oldest first, without those of access. */
  async acts(): Promise<string[]> {
    const entries = await this.fleet.manager.audit.list({ limit: 100 });
    return entries.toReversed()
      .filter(({ act }) =>
        !/Operator|Login|Rule|Token|Logout|Agent|Join/.test(act)
      )
      .map(({ act, who, outcome }) => `${act} by ${who}: ${outcome}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
  }
}
