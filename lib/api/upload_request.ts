import { asErrorCode, Disconnected, PiriError } from "../base/errors.ts";
import { CODE_HEADER } from "./wire_errors.ts";
import { BYTES_TYPE, type EndpointClient } from "./http_client.ts";

/** Path of the call that takes bytes of an upload. */
export const UPLOAD_PATH = "/piri.control.v1.BlobsService/Upload";

/** Sender of large inputs. */
export interface Uploads {
  /**
   * Sends bytes of an upload in one request, while they come, and returns how many bytes the upload has then. They begin
   * at `offset`, which is at most what the upload has.
   *
   * @throws {PiriError} as BlobsService.Upload
   * @throws {Disconnected} if there is no answer
   */
  send(
    upload: { readonly id: string; readonly offset: number },
    bytes: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal },
  ): Promise<number>;
}

/** Makes a sender over HTTP. */
export function uploadsOver(http: EndpointClient): Uploads {
  return {
    async send({ id, offset }, bytes, { signal }) {
      const query = new URLSearchParams({
        upload_id: id,
        offset: String(offset),
      });
      const { status, header, body } = await http.send({
        method: "POST",
        url: `${http.baseUrl}${UPLOAD_PATH}?${query}`,
        header: new Headers({ "content-type": BYTES_TYPE }),
        body: bytes,
        signal,
      });
      const text = await textOf(body);
      if (status === 200) return Number(text);
      const code = asErrorCode(header.get(CODE_HEADER) ?? "");
      throw code === undefined
        ? new Disconnected(`Cannot reach the Manager: HTTP status ${status}`)
        : new PiriError(code, text);
    },
  };
}

/** Answer that refuses bytes of an upload. */
export function uploadRefusal({ code, message }: PiriError): Response {
  return new Response(message, {
    status: 400,
    headers: { [CODE_HEADER]: code },
  });
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of body) text += decoder.decode(part, { stream: true });
  return text + decoder.decode();
}
