import { closeQuietly } from "./base/close_quietly.ts";
import { X509Certificate } from "node:crypto";
import { type AgentConfig, loadAgentConfig } from "./agent/config.ts";
import { openAgentTrust } from "./agent/key_files.ts";
import { wayBack } from "./agent/link/removal.ts";
import { RemovedNote } from "./agent/removed_note.ts";
import { type Address, parseAddress } from "./base/address.ts";
import { codeOf, messageOf } from "./base/errors.ts";
import { parseIp } from "./base/ip.ts";
import type { CheckStep } from "./cli/agent/services.ts";
import { type ServeAgentOptions, tryHello } from "./serve_agent.ts";
import { dialTcp, shakeHands } from "./wire/tls.ts";

/** Tries each step that an agent needs to reach its Manager. Stops where the next step makes no sense. */
export async function* checkLink(
  options: ServeAgentOptions,
): AsyncGenerator<CheckStep> {
  const config = await loadAgentConfig(options.dir, {
    anyOwnerForRoot: true,
  }).catch((error) => error);
  if (config instanceof Error) {
    yield { step: "config", ok: false, detail: config.message };
    return;
  }
  yield {
    step: "config",
    ok: true,
    detail: `this host is "${config.name}", its Manager is at ${
      config.addresses.join(", ")
    }`,
  };
  yield checkClock(config, options);
  for (const address of config.addresses) {
    const reached = yield* checkAddress(config, parseAddress(address), options);
    if (!reached) continue;
    yield await checkIdentity(config, options);
    return;
  }
}

/** Checks name, address and TLS of one address. Returns true if all is well. */
async function* checkAddress(
  { serverName, caPem }: AgentConfig,
  { host: hostname, port }: Address,
  { dir, clock, random }: ServeAgentOptions,
): AsyncGenerator<CheckStep, boolean> {
  const name = await checkName(hostname);
  yield name;
  if (!name.ok) return false;
  const where = { hostname, port, serverName, clock };
  const { authorities } = await openAgentTrust(dir, { caPem }, random);
  try {
    let tcp = await dialTcp(where);
    yield {
      step: "address",
      ok: true,
      detail: `${hostname}:${port} accepts connections`,
    };
    try {
      for (const [index, { certPem }] of authorities.entries()) {
        try {
          closeQuietly(await shakeHands(tcp, { ...where, caPem: certPem }));
          break;
        } catch (error) {
          if (index === authorities.length - 1) throw error;
          tcp = await dialTcp(where);
        }
      }
      yield {
        step: "tls",
        ok: true,
        detail:
          `it shows a certificate of the Manager's authority for "${serverName}"`,
      };
      return true;
    } catch (error) {
      yield { step: "tls", ok: false, detail: explainTls(messageOf(error)) };
    }
  } catch (error) {
    yield { step: "address", ok: false, detail: messageOf(error) };
  }
  return false;
}

async function checkName(hostname: string): Promise<CheckStep> {
  if (parseIp(hostname) !== undefined) {
    return {
      step: "name",
      ok: true,
      detail: `${hostname} is an address, there is no name to look up`,
    };
  }
  const found = await Promise.allSettled([
    Deno.resolveDns(hostname, "A"),
    Deno.resolveDns(hostname, "AAAA"),
  ]);
  const addresses = found.flatMap((each) =>
    each.status === "fulfilled" ? each.value : []
  );
  // A name from /etc/hosts is not in DNS; the dial itself will tell.
  return {
    step: "name",
    ok: true,
    detail: addresses.length > 0
      ? `"${hostname}" is ${addresses.join(", ")}`
      : `DNS has no address of "${hostname}"; the hosts file may`,
  };
}

/** Checks the clock: the authority's certificate tells when this fleet began, and no earlier time can be right. */
function checkClock(
  { caPem }: AgentConfig,
  { clock }: ServeAgentOptions,
): CheckStep {
  const certificate = new X509Certificate(caPem);
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  const now = clock.now();
  const ok = now >= from && now <= to;
  const shown = new Date(now).toISOString();
  return {
    step: "clock",
    ok,
    detail: ok
      ? `${shown} lies within the life of the Manager's authority`
      : `this host's clock says ${shown}, but the Manager's authority lives from ${
        new Date(from).toISOString()
      } to ${new Date(to).toISOString()}: set the clock`,
  };
}

async function checkIdentity(
  { name }: AgentConfig,
  options: ServeAgentOptions,
): Promise<CheckStep> {
  try {
    await tryHello(options);
    return {
      step: "identity",
      ok: true,
      detail: "the Manager lets this agent in",
    };
  } catch (error) {
    if (codeOf(error) === "FAILED_PRECONDITION") {
      const removedAt = await new RemovedNote(options.dir).read();
      if (removedAt !== undefined) {
        return {
          step: "identity",
          ok: false,
          detail:
            `the running agent was told at ${removedAt} that "${name}" was removed from the fleet; ${
              wayBack(name)
            }`,
        };
      }
      return {
        step: "identity",
        ok: true,
        detail:
          "not tried: the agent is running, and it is the one to say hello",
      };
    }
    return { step: "identity", ok: false, detail: messageOf(error) };
  }
}

/** Puts an error of rustls into words of this fleet. */
function explainTls(message: string): string {
  if (/NotValidYet|Expired/i.test(message)) {
    return `${message}: the certificate's time has not come or is over; is this host's clock right?`;
  }
  if (/UnknownIssuer|BadSignature/i.test(message)) {
    return `${message}: this is not the Manager that the agent joined, or something between intercepts TLS`;
  }
  if (/NotValidForName/i.test(message)) {
    return `${message}: this is a Manager of the same authority, but another one`;
  }
  return message;
}
