import { systemRandom } from "../../lib/base/random.ts";
import type { Identity } from "../../lib/base/pem.ts";
import {
  createAuthority,
  issueServerCertificate,
} from "../../lib/manager/state/authority.ts";

/** Name in the certificates of these tests. */
export const SERVER_NAME = "test.piri.internal";

/** Authority with a server's certificate by it, made once for a test file. */
export interface Certified {
  readonly caPem: string;
  readonly server: Identity;
}

let made: Promise<Certified> | undefined;

/** Certificates of these tests. */
export function certified(): Promise<Certified> {
  return made ??= make();
}

async function make(): Promise<Certified> {
  const now = Date.now();
  const authority = await createAuthority({ now, random: systemRandom });
  const server = await issueServerCertificate(authority, {
    serverName: SERVER_NAME,
    names: [],
    now,
    random: systemRandom,
  });
  return { caPem: authority.certPem, server };
}
