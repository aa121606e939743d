import {
  type ConnectRouter,
  type ConnectRouterOptions,
  createConnectRouter,
} from "@connectrpc/connect";
import { createUniversalHandlerClient } from "@connectrpc/connect/protocol";
import type { RpcLink } from "../../lib/api/rpc_client.ts";

/** Way to services in this process, without a connection. */
export function routerLink(
  add: (router: ConnectRouter) => void,
  options: ConnectRouterOptions = {},
): RpcLink {
  const router = createConnectRouter(options);
  add(router);
  const known = createUniversalHandlerClient(router.handlers);
  const paths = new Set(router.handlers.map(({ requestPath }) => requestPath));
  return {
    send: (request) =>
      paths.has(new URL(request.url).pathname)
        ? known(request)
        : Promise.resolve({
          status: 404,
          header: new Headers(),
          body: ReadableStream.from([]),
        }),
    baseUrl: "https://in-memory",
  };
}
