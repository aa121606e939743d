/** Module that runs in the thread. The build puts the bundled worker here. */
const WORKER_URL = new URL("./store_thread.ts", import.meta.url);

/** Starts a thread for a database. It reads its code, and opens nothing before it is told to. */
export function startStoreWorker(): Worker {
  return new Worker(WORKER_URL, { type: "module", name: "store" });
}
