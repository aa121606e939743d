import { systemRandom } from "../../lib/base/random.ts";
import {
  createAuthority,
  issueServerCertificate,
} from "../../lib/manager/state/authority.ts";
import { FakeCi } from "./fake_ci.ts";

/** Website of a CI on this machine, with a certificate of an authority of its own. */
export interface FakeCiSite extends AsyncDisposable {
  readonly url: string;
  /** PEM of its authority. */
  readonly ca: string;
  /** Pages by their paths: a text with status 200, or a whole answer. */
  readonly pages: Map<
    string,
    (request: Request) => Response | Promise<Response>
  >;
  /** Paths that were asked for. */
  readonly asked: string[];
}

/** Serves a website over TLS. */
export async function startCiSite(): Promise<FakeCiSite> {
  const now = Date.now();
  const authority = await createAuthority({ now, random: systemRandom });
  const { certPem: cert, keyPem: key } = await issueServerCertificate(
    authority,
    { serverName: "localhost", names: [], now, random: systemRandom },
  );
  const pages: FakeCiSite["pages"] = new Map();
  const asked: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      return pages.get(pathname)?.(request) ??
        new Response(null, { status: 404 });
    },
  );
  return {
    url: `https://localhost:${server.addr.port}`,
    ca: authority.certPem,
    pages,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Publishes the keys of a CI, which it returns, on its website. */
export async function publishKeys(
  site: FakeCiSite,
  audience: string,
): Promise<FakeCi> {
  const { url, pages } = site;
  const ci = await FakeCi.start({ audience, now: () => Date.now(), url });
  const jwks = await ci.jwks();
  pages.set(
    "/.well-known/openid-configuration",
    () => Response.json({ issuer: url, jwks_uri: `${url}/jwks` }),
  );
  pages.set("/jwks", () => new Response(jwks));
  return ci;
}
