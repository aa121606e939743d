/** A message on its way to a receiver. */
export interface Posted {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** File with certificates of authorities that are trusted beside the usual ones. */
  readonly caFile?: string | undefined;
}

/** Posts a message, and resolves to the status of the answer. Rejects if there is none. */
export type Post = (message: Posted, signal: AbortSignal) => Promise<number>;

/**
 * Posts a message over HTTP. A redirect is not followed, and the text of the answer is not read.
 *
 * A client for each message: nothing stays open between two events, which may be hours apart.
 */
export async function postOverHttp(
  { url, headers, body, caFile }: Posted,
  signal: AbortSignal,
): Promise<number> {
  const caCerts = caFile === undefined ? [] : [await Deno.readTextFile(caFile)];
  using client = Deno.createHttpClient({ caCerts });
  const answer = await fetch(url, {
    method: "POST",
    headers: { ...headers },
    body,
    redirect: "manual",
    signal,
    client,
  });
  await answer.body?.cancel();
  return answer.status;
}

/** Reason for which an answer is no success; undefined for a success. */
export function refusalOf(status: number): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  return status >= 300 && status < 400
    ? `it answered ${status}, and redirects are not followed`
    : `it answered ${status}`;
}

/** True for an answer after which the same message is not posted again: the receiver is gone for good. */
export function isGone(status: number): boolean {
  return status === 410;
}
