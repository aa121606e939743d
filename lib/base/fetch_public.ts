import type { Clock } from "./clock.ts";
import { fetchText } from "./fetch_text.ts";
import { publicAuthorities } from "./public_authorities.ts";

/**
 * Fetches a small text from a public server, or from one of a private authority.
 *
 * @throws {PiriError} as `fetchText`
 */
export async function fetchPublic(
  url: string,
  { ca, clock, env }: {
    /** PEM of the private authority. */
    readonly ca: string | null;
    readonly clock: Clock;
    readonly env: (name: string) => string | undefined;
  },
): Promise<string> {
  const known = await publicAuthorities(env);
  const authorities = ca === null ? known : [...known, ca];
  return await fetchText(url, { clock, authorities });
}
